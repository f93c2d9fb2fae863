//! Lines of `candump -l` logs: `(seconds.fraction) interface identifier#data`.

use super::frame::CanFrame;
use thiserror::Error;

/// One frame of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandumpFrame<'a> {
    /// The log's stamp, ns, exactly as its decimal text says.
    pub ns: u64,
    /// The interface it was received on.
    pub interface: &'a str,
    /// The frame.
    pub frame: CanFrame,
}

/// Why a line gives no classic data or remote frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CandumpError {
    /// The line is not UTF-8 text.
    #[error("the line is not text; is this a candump -l log?")]
    NotText,
    /// The stamp is not `(seconds.fraction)` with one to nine decimals.
    #[error("the stamp is not (seconds.fraction); is this a candump -l log?")]
    Stamp,
    /// No interface or no frame after the stamp.
    #[error("the line has no interface and frame after its stamp")]
    Shape,
    /// The identifier is not three or eight hexadecimal digits in range.
    #[error("the identifier is not 3 or 8 hexadecimal digits in range")]
    Identifier,
    /// The data is not pairs of hexadecimal digits, eight bytes at most.
    #[error("the data is not at most 8 bytes of hexadecimal digits")]
    Data,
    /// A CAN FD frame, which the classic form cannot hold.
    #[error("CAN FD frames are not supported; the line is skipped")]
    FdFrame,
    /// An error frame, which carries no bus data.
    #[error("error frame; the line is skipped")]
    ErrorFrame,
}

/// Parses one line; `None` for a blank one.
///
/// # Errors
/// See [`CandumpError`]; the caller counts and goes on.
pub fn parse_line(line: &[u8]) -> Result<Option<CandumpFrame<'_>>, CandumpError> {
    let line = std::str::from_utf8(line).map_err(|_| CandumpError::NotText)?;
    let mut words = line.split_ascii_whitespace();
    let Some(stamp) = words.next() else {
        return Ok(None);
    };
    let ns = parse_stamp(stamp).ok_or(CandumpError::Stamp)?;
    let (Some(interface), Some(frame)) = (words.next(), words.next()) else {
        return Err(CandumpError::Shape);
    };
    let (id, data) = frame.split_once('#').ok_or(CandumpError::Shape)?;
    let frame = parse_identifier(id)?;
    if data.starts_with('#') {
        return Err(CandumpError::FdFrame);
    }
    if frame.error {
        return Err(CandumpError::ErrorFrame);
    }
    let frame = parse_data(data, frame).ok_or(CandumpError::Data)?;
    Ok(Some(CandumpFrame {
        ns,
        interface,
        frame,
    }))
}

/// `(seconds.fraction)` to nanoseconds, in integers throughout.
fn parse_stamp(word: &str) -> Option<u64> {
    let text = word.strip_prefix('(')?.strip_suffix(')')?;
    let (seconds, fraction) = text.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let scale = 10_u64.checked_pow(9 - u32::try_from(fraction.len()).ok()?)?;
    let seconds: u64 = seconds.parse().ok()?;
    let fraction: u64 = fraction.parse().ok()?;
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(fraction * scale)
}

fn parse_identifier(text: &str) -> Result<CanFrame, CandumpError> {
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(CandumpError::Identifier);
    }
    let value = u32::from_str_radix(text, 16).map_err(|_| CandumpError::Identifier)?;
    match text.len() {
        3 if value <= 0x7FF => Ok(CanFrame {
            id: value,
            ..CanFrame::default()
        }),
        8 if value & 0x2000_0000 != 0 => Ok(CanFrame {
            id: value & 0x1FFF_FFFF,
            error: true,
            ..CanFrame::default()
        }),
        8 if value <= 0x1FFF_FFFF => Ok(CanFrame {
            id: value,
            extended: true,
            ..CanFrame::default()
        }),
        _ => Err(CandumpError::Identifier),
    }
}

fn parse_data(text: &str, mut frame: CanFrame) -> Option<CanFrame> {
    // A trailing `_X` gives a raw length code above 8, which says nothing about the data.
    let text = text.split_once('_').map_or(text, |(data, _)| data);
    if let Some(length) = text.strip_prefix(['R', 'r']) {
        frame.remote = true;
        frame.len = match length {
            "" => 0,
            one => one.parse().ok().filter(|len| *len <= 8)?,
        };
        return Some(frame);
    }
    let bytes = text.as_bytes();
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    for pair in pairs {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        let slot = frame.data.get_mut(usize::from(frame.len))?;
        *slot = u8::try_from(high? << 4 | low?).ok()?;
        frame.len += 1;
    }
    Some(frame)
}
