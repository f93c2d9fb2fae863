//! Makes a sequence parameter set say that pictures need no reordering.
//!
//! openh264 keeps each picture of the Main and High profiles back until it has the next, in case
//! pictures are to be shown in another order. A camera's stream has no such pictures, and the delay
//! would cost a frame's time in every decision. The library does not do so in the scalable
//! baseline profile, whose parameter set has the fields of High's and which it decodes with the
//! same tools; so the set is rewritten to that profile.

const NAL_SPS: u8 = 7;
const MAIN: u8 = 77;
const HIGH: u8 = 100;
const SCALABLE_BASELINE: u8 = 83;
/// What High has and Main has not: `chroma_format_idc` 1, both bit depths 8, no transform bypass,
/// no scaling matrix (ITU-T H.264, 7.3.2.1.1).
const HIGH_FIELDS: [bool; 7] = [false, true, false, true, true, false, false];
/// Header byte, profile, constraints and level come before the first coded number.
const FIXED_BYTES: usize = 4;

/// Copies an Annex B access unit to `out` with its sequence parameter sets rewritten.
pub(super) fn rewrite(unit: &[u8], out: &mut Vec<u8>) {
    out.clear();
    for nal in nals(unit) {
        out.extend_from_slice(&[0, 0, 0, 1]);
        match nal {
            [head, HIGH, rest @ ..] if head & 0x1f == NAL_SPS => {
                out.extend_from_slice(&[*head, SCALABLE_BASELINE]);
                out.extend_from_slice(rest);
            }
            [head, MAIN, ..] if head & 0x1f == NAL_SPS => {
                extend_main(&unescape(nal), out);
            }
            _ => out.extend_from_slice(nal),
        }
    }
}

/// The NAL units between start codes of three or four bytes.
pub(super) fn nals(unit: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = unit.windows(3).enumerate();
    let starts = starts.filter(|(_, w)| *w == [0, 0, 1]).map(|(i, _)| i);
    let ends = starts.clone().skip(1).chain([unit.len()]);
    starts.zip(ends).map(|(start, end)| {
        let nal = unit.get(start + 3..end).unwrap_or_default();
        // The first zero of a start code of four bytes, and zeros after a unit, belong to none.
        let length = nal.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        nal.get(..length).unwrap_or_default()
    })
}

/// Writes a Main parameter set as one that has High's fields.
fn extend_main(plain: &[u8], out: &mut Vec<u8>) {
    let bit = |i: usize| plain[i / 8] >> (7 - i % 8) & 1 == 1;
    let bits: Vec<bool> = (0..plain.len() * 8).map(bit).collect();
    // The identifier is an Exp-Golomb code: as many zeros as digits follow its leading one.
    let head = FIXED_BYTES * 8;
    let zeros = bits.iter().skip(head).take_while(|bit| !**bit).count();
    let after = (head + 2 * zeros + 1).min(bits.len());
    // What follows the stop bit, which is the last one, is padding.
    let stop = bits.iter().rposition(|bit| *bit).map_or(0, |last| last + 1);
    let tail = bits.get(after..stop).unwrap_or_default();
    let mut longer = bits.get(..after).unwrap_or_default().to_vec();
    longer.extend_from_slice(&HIGH_FIELDS);
    longer.extend_from_slice(tail);
    let byte = |bits: &[bool]| {
        let value = bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        value << (8 - bits.len())
    };
    let mut bytes: Vec<u8> = longer.chunks(8).map(byte).collect();
    if let Some(profile) = bytes.get_mut(1) {
        *profile = SCALABLE_BASELINE;
    }
    escape(&bytes, out);
}

/// Takes the emulation prevention bytes out: `00 00 03` stands for `00 00`.
fn unescape(nal: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

/// Puts them in again.
fn escape(plain: &[u8], out: &mut Vec<u8>) {
    let mut zeros = 0;
    for &byte in plain {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(unit: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        rewrite(unit, &mut out);
        out
    }

    #[test]
    fn highs_fields_are_put_behind_the_identifier_of_a_main_set() {
        // Identifier 0 (bit 1), then 1010 and the stop bit: 1|1010|1|00.
        let unit = [0, 0, 1, 0x67, MAIN, 0x40, 0x1e, 0b1101_0100];
        // 1|0101100|1010|1|000.
        let expected = [
            0,
            0,
            0,
            1,
            0x67,
            SCALABLE_BASELINE,
            0x40,
            0x1e,
            0b1010_1100,
            0b1010_1000,
        ];
        assert_eq!(rewritten(&unit), expected);
    }

    #[test]
    fn only_the_profile_of_a_high_set_changes_and_nothing_else_does() {
        let unit = [
            0, 0, 0, 1, 0x67, HIGH, 0, 0x1f, 9, 0, 0, 1, 0x68, 5, 0, 0, 0, 1, 0x65, 1, 2,
        ];
        let expected = [
            0,
            0,
            0,
            1,
            0x67,
            SCALABLE_BASELINE,
            0,
            0x1f,
            9,
            0,
            0,
            0,
            1,
            0x68,
            5,
            0,
            0,
            0,
            1,
            0x65,
            1,
            2,
        ];
        assert_eq!(rewritten(&unit), expected);
        let baseline = [0, 0, 0, 1, 0x67, 66, 0, 0x1f, 9];
        assert_eq!(rewritten(&baseline), baseline);
        assert!(rewritten(&[1, 2, 3]).is_empty());
        assert_eq!(rewritten(&[0, 0, 1, 0x67, MAIN]).len(), 4 + 3);
    }

    #[test]
    fn emulation_prevention_is_undone_and_done_again() {
        let escaped = [1, 0, 0, 3, 0, 0, 3, 1, 0, 0, 3, 3, 5];
        let plain = unescape(&escaped);
        assert_eq!(plain, [1, 0, 0, 0, 0, 1, 0, 0, 3, 5]);
        let mut again = Vec::new();
        escape(&plain, &mut again);
        assert_eq!(again, escaped);
    }
}
