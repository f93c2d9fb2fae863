//! CRC-32 as Ethernet has it, by nibbles so that the table stays small in flash.

const TABLE: [u32; 16] = table();

const fn table() -> [u32; 16] {
    // The polynomial 0x04C11DB7 with its bits reversed.
    const REFLECTED: u32 = 0xEDB8_8320;
    let mut table = [0; 16];
    let mut nibble = 0;
    while nibble < 16 {
        let mut crc = nibble as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ REFLECTED
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[nibble] = crc;
        nibble += 1;
    }
    table
}

/// CRC-32 (IEEE 802.3) of some bytes.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, nibble: u8| TABLE[usize::from((crc as u8 ^ nibble) & 15)] ^ crc >> 4;
    !bytes
        .iter()
        .fold(!0, |crc, byte| step(step(crc, *byte), *byte >> 4))
}
