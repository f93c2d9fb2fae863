//! Compiling the library on a board, against the headers of its JetPack.

use crate::library::LIBRARY;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEADER: &str = include_str!("../shim/drafthorse_tensorrt.h");
const SOURCE: &str = include_str!("../shim/drafthorse_tensorrt.cpp");

/// Headers that are needed, with the package of JetPack that installs each.
const HEADERS: [(&str, &str); 3] = [
    ("NvInfer.h", "libnvinfer-dev"),
    ("NvOnnxParser.h", "libnvonnxparsers-dev"),
    ("cuda_runtime_api.h", "cuda-cudart-dev"),
];

/// Libraries that it is linked with.
const LIBRARIES: [&str; 3] = ["nvinfer", "nvonnxparser", "cudart"];

/// What compiles the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// A compiler of C++17.
    pub compiler: PathBuf,
    /// Folders of headers.
    pub includes: Vec<PathBuf>,
    /// Folders of libraries, besides those that the compiler knows; absent ones are passed over.
    pub libraries: Vec<PathBuf>,
}

impl Default for Toolchain {
    /// That of a JetPack as it installs itself.
    fn default() -> Self {
        let all = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        Self {
            compiler: PathBuf::from("c++"),
            includes: all(&[
                "/usr/include/aarch64-linux-gnu",
                "/usr/include/x86_64-linux-gnu",
                "/usr/include",
                "/usr/local/cuda/include",
            ]),
            libraries: all(&["/usr/local/cuda/lib64"]),
        }
    }
}

/// Why the library could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// There is no compiler.
    #[error("the compiler {compiler} does not start ({error}); `apt install g++` installs one")]
    Compiler {
        /// Which.
        compiler: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A header is not there.
    #[error(
        "there is no {header} in {looked}; the package {package} of JetPack 6.1 or newer installs it"
    )]
    Header {
        /// Which.
        header: &'static str,
        /// The package that has it.
        package: &'static str,
        /// Where was looked.
        looked: String,
    },
    /// The compiler refuses it.
    #[error("it could not be compiled:\n{said}")]
    Refused {
        /// What the compiler says.
        said: String,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {error}")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// Compiles the library into a folder, which is made where it is absent, and gives its path. One that
/// is there is replaced only by one that was compiled.
///
/// # Errors
/// [`ShimError`].
pub fn compile_shim(folder: &Path, toolchain: &Toolchain) -> Result<PathBuf, ShimError> {
    let mut includes: Vec<&Path> = Vec::new();
    for (header, package) in HEADERS {
        let holds = |folder: &&PathBuf| folder.join(header).is_file();
        let Some(found) = toolchain.includes.iter().find(holds) else {
            let looked: Vec<String> = toolchain
                .includes
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            return Err(ShimError::Header {
                header,
                package,
                looked: looked.join(", "),
            });
        };
        // The compiler looks there by itself, and in the right order.
        if !found.starts_with("/usr/include") && !includes.contains(&found.as_path()) {
            includes.push(found);
        }
    }
    let sources = folder.join("shim");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| ShimError::Write { path, error }
    };
    std::fs::create_dir_all(&sources).map_err(failed(&sources))?;
    let source = sources.join("drafthorse_tensorrt.cpp");
    for (path, text) in [
        (sources.join("drafthorse_tensorrt.h"), HEADER),
        (source.clone(), SOURCE),
    ] {
        std::fs::write(&path, text).map_err(failed(&path))?;
    }
    let (library, unfinished) = (folder.join(LIBRARY), sources.join(LIBRARY));
    let mut command = Command::new(&toolchain.compiler);
    command
        .args(["-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden"])
        .args(["-Wno-deprecated-declarations", "-shared", "-o"])
        .args([&unfinished, &source]);
    for include in includes {
        command.arg("-isystem").arg(include);
    }
    for libraries in toolchain.libraries.iter().filter(|it| it.is_dir()) {
        command.arg("-L").arg(libraries);
        command.arg(format!("-Wl,-rpath,{}", libraries.display()));
    }
    command.args(LIBRARIES.map(|name| format!("-l{name}")));
    let output = command.output().map_err(|error| ShimError::Compiler {
        compiler: toolchain.compiler.clone(),
        error,
    })?;
    if !output.status.success() {
        return Err(ShimError::Refused {
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    std::fs::rename(&unfinished, &library).map_err(failed(&library))?;
    Ok(library)
}
