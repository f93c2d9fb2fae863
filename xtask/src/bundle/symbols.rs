//! Whether a program starts on a board's libraries: the versions of the symbols it asks for, against
//! the profile's floor.

use anyhow::{Context, bail, ensure};
use drafthorse_boards::{BoardProfile, Version};
use object::elf::FileHeader64;
use object::read::elf::{FileHeader as _, Sym as _};
use object::{Endianness, SymbolIndex};

/// A symbol that a program wants from a library.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    symbol: String,
    /// The family of versions: `GLIBC`, `GLIBCXX`.
    family: String,
    version: Version,
}

/// Reads a program or library; an error names each symbol that the board's libraries lack.
pub(super) fn check(name: &str, program: &[u8], profile: &BoardProfile) -> anyhow::Result<()> {
    let machine = machine(program)?;
    ensure!(
        machine == profile.architecture(),
        "{name} is for {machine}, the board {} is {}",
        profile.name,
        profile.architecture()
    );
    let wanted = wanted(program)?;
    let floors = [
        ("GLIBC", &profile.floor.glibc),
        ("GLIBCXX", &profile.floor.glibcxx),
    ];
    let mut newer = Vec::new();
    for (family, floor) in floors {
        let of_family = || wanted.iter().filter(|wanted| wanted.family == family);
        let above = of_family().filter(|wanted| wanted.version > *floor);
        newer.extend(above.map(|w| format!("{}@{family}_{}", w.symbol, w.version)));
        if let Some(newest) = of_family().map(|wanted| &wanted.version).max() {
            eprintln!("xtask: {name}: newest {family} {newest}, the board has {floor}");
        }
    }
    if !newer.is_empty() {
        newer.sort();
        bail!(
            "{name} would not load on {}: it asks for {}; build with --zig, which builds against the board's own version, or on an older system",
            profile.name,
            newer.join(", ")
        );
    }
    Ok(())
}

/// The processor of an ELF file, as Rust names it.
fn machine(program: &[u8]) -> anyhow::Result<&'static str> {
    let header =
        FileHeader64::<Endianness>::parse(program).context("the program is no ELF file")?;
    let endian = header.endian()?;
    match header.e_machine(endian) {
        object::elf::EM_AARCH64 => Ok("aarch64"),
        object::elf::EM_X86_64 => Ok("x86_64"),
        other => bail!("the program is for a processor of ELF's number {other:?}"),
    }
}

/// Each symbol that a shared library must have, with its version.
fn wanted(program: &[u8]) -> anyhow::Result<Vec<Wanted>> {
    let header = FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, program)?;
    let Some(versions) = sections.versions(endian, program)? else {
        return Ok(Vec::new());
    };
    let symbols = sections.symbols(endian, program, object::elf::SHT_DYNSYM)?;
    let mut wanted = Vec::new();
    for (number, symbol) in symbols.iter().enumerate() {
        if symbol.st_shndx(endian) != object::elf::SHN_UNDEF {
            continue;
        }
        let index = versions.version_index(endian, SymbolIndex(number));
        let Some(version) = versions.version(index)? else {
            continue;
        };
        let name = String::from_utf8_lossy(version.name()).into_owned();
        // Private versions (GLIBC_PRIVATE, CXXABI_1.3) are not ordered by these floors.
        if let Some((family, number)) = name.split_once('_')
            && let Ok(version) = number.parse()
        {
            let symbol = symbol.name(endian, symbols.strings())?;
            wanted.push(Wanted {
                symbol: String::from_utf8_lossy(symbol).into_owned(),
                family: family.to_owned(),
                version,
            });
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This test's own program: linked against the C library of this system.
    fn own() -> (Vec<u8>, BoardProfile) {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let text = toml::to_string(&drafthorse_boards::host()).unwrap();
        let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let text = text.replace("x86_64-unknown-linux-gnu", &host);
        (program, BoardProfile::parse(&text).unwrap())
    }

    #[test]
    fn a_floor_that_is_too_old_is_told_by_its_symbols() {
        let (program, mut profile) = own();
        let found = wanted(&program).unwrap();
        assert!(
            found
                .iter()
                .any(|w| w.symbol == "memcpy" || w.symbol == "malloc")
        );
        profile.floor.glibc = "99.0".parse().unwrap();
        check("x", &program, &profile).unwrap();
        profile.floor.glibc = "2.2".parse().unwrap();
        let error = check("x", &program, &profile).unwrap_err().to_string();
        assert!(error.contains("@GLIBC_2."), "{error}");
        assert!(error.contains("--zig"), "{error}");
    }

    #[test]
    fn another_processor_and_other_files_are_refused() {
        let (program, _) = own();
        let other = match std::env::consts::ARCH {
            "aarch64" => drafthorse_boards::host(),
            _ => drafthorse_boards::builtin("orin-nano").unwrap(),
        };
        let error = check("x", &program, &other).unwrap_err().to_string();
        assert!(error.contains("the board"), "{error}");
        assert!(check("x", b"#!/bin/sh", &other).is_err());
        assert!(check("x", &program[..100], &drafthorse_boards::host()).is_err());
    }
}
