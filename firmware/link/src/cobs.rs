//! Consistent overhead byte stuffing (Cheshire and Baker, 1999): no zero within a frame.

/// Stuffs `bytes` into `out` without the closing zero; the bytes written, or `None` where they do
/// not fit.
pub(crate) fn stuff(bytes: &[u8], out: &mut [u8]) -> Option<usize> {
    let (mut code_at, mut at, mut code) = (0, 1, 1_u8);
    for byte in bytes {
        if code == 255 {
            *out.get_mut(code_at)? = code;
            (code_at, at, code) = (at, at + 1, 1);
        }
        if *byte == 0 {
            *out.get_mut(code_at)? = code;
            (code_at, at, code) = (at, at + 1, 1);
        } else {
            *out.get_mut(at)? = *byte;
            at += 1;
            code += 1;
        }
    }
    *out.get_mut(code_at)? = code;
    Some(at)
}

/// Undoes [`stuff`] in place; the bytes that remain, or `None` where the stuffing is impossible.
pub(crate) fn unstuff(frame: &mut [u8]) -> Option<usize> {
    let (mut from, mut to) = (0, 0);
    while from < frame.len() {
        let code = usize::from(*frame.get(from)?);
        if code == 0 {
            return None;
        }
        from += 1;
        for _ in 1..code {
            let byte = *frame.get(from)?;
            *frame.get_mut(to)? = byte;
            (from, to) = (from + 1, to + 1);
        }
        if code < 255 && from < frame.len() {
            *frame.get_mut(to)? = 0;
            to += 1;
        }
    }
    Some(to)
}
