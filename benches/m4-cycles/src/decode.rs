//! What an instruction means for timing, from QEMU's disassembly of it.

/// How an instruction takes part in the rules of [`Model`](crate::model::Model).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Other,
    /// A single load or store, which pipelines with a neighbour.
    Memory,
    /// Computes in the floating-point unit.
    Float,
}

/// The hints that are markers.
pub const BEGIN: u16 = 0xbf50;
/// See [`BEGIN`].
pub const END: u16 = 0xbf60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    Begin,
    End,
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub address: u64,
    /// Address of the instruction behind it.
    pub next: u64,
    pub marker: Option<Marker>,
    pub class: Class,
    /// Cycles if nothing is in its way.
    pub cycles: u64,
    /// Floating-point registers that are read, a bit for each of s0 to s31.
    pub reads: u32,
    /// Floating-point registers that are written.
    pub writes: u32,
}

impl Instruction {
    /// `first` is the instruction's first halfword, which tells its size: QEMU says two bytes too many of one before the end of a page.
    /// Cycles are those of the Cortex-M4 Technical Reference Manual (Arm DDI 0439), table 3-1 and table 7-1.
    pub fn decode(address: u64, first: u16, text: &str) -> Self {
        let marker = match first {
            BEGIN => Some(Marker::Begin),
            END => Some(Marker::End),
            _ => None,
        };
        let short = first < 0xe800;
        let next = address + if short { 2 } else { 4 };
        let mut decoded = Self { address, next, marker, class: Class::Other, cycles: 1, reads: 0, writes: 0 };
        if first & 0xff00 == 0xbf00 && first & 0xf != 0 {
            decoded.cycles = 0; // IT folds into its neighbour
            return decoded;
        }
        let (mnemonic, operands) = text.trim().split_once(char::is_whitespace).unwrap_or((text, ""));
        let operands = operands.trim();
        if mnemonic.starts_with('v') {
            decoded.float(mnemonic, operands);
        } else {
            (decoded.class, decoded.cycles) = match mnemonic {
                m if starts(m, &["ldm", "pop", "stm", "push"]) => (Class::Other, 1 + listed_words(operands)),
                m if starts(m, &["ldrd", "strd"]) => (Class::Other, 3),
                m if starts(m, &["ldr", "str"]) => (Class::Memory, 2),
                m if starts(m, &["sdiv", "udiv"]) => (Class::Other, 7), // 2 to 12
                "mla" | "mls" => (Class::Other, 2),
                _ => (Class::Other, 1),
            };
        }
        decoded
    }

    fn float(&mut self, mnemonic: &str, operands: &str) {
        self.class = Class::Float;
        let mut masks = operands.split([',', ' ', '[', ']', '{', '}']).map(register_mask).filter(|mask| *mask != 0);
        let count = masks.clone().count();
        let mut next = || masks.next().unwrap_or(0);
        let (a, b, c) = (next(), next(), next());
        match mnemonic {
            m if starts(m, &["vldr", "vstr"]) => {
                self.class = Class::Memory;
                self.cycles = if operands.starts_with('d') { 3 } else { 2 };
                if m.starts_with("vldr") { self.writes = a } else { self.reads = a }
            }
            m if starts(m, &["vldm", "vpop", "vstm", "vpush"]) => self.cycles = 1 + listed_words(operands),
            m if starts(m, &["vdiv", "vsqrt"]) => (self.cycles, self.writes, self.reads) = (14, a, b | c),
            m if starts(m, &["vmla", "vmls", "vfma", "vfms", "vfnm", "vnml"]) => {
                (self.cycles, self.writes, self.reads) = (3, a, a | b | c);
            }
            m if starts(m, &["vcmp"]) => self.reads = a | b,
            m if starts(m, &["vmov"]) && operands.matches(',').count() > 1 => {
                self.cycles = 2; // two words
                let to_core = register_mask(operands.split(',').next().unwrap_or("")) == 0;
                (self.writes, self.reads) = if to_core { (0, a | b) } else { (a | b, 0) };
            }
            m if starts(m, &["vmov"]) && count == 1 && operands.starts_with('r') => self.reads = a,
            _ => (self.writes, self.reads) = (a, b | c),
        }
    }
}

fn starts(mnemonic: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| mnemonic.starts_with(prefix))
}

/// `s7` is bit 7, `d3` bits 6 and 7; anything else has none.
fn register_mask(token: &str) -> u32 {
    let number = || token[1..].parse::<u32>().ok();
    match token.as_bytes() {
        [b's', b'0'..=b'9', ..] => number().filter(|n| *n < 32).map_or(0, |n| 1 << n),
        [b'd', b'0'..=b'9', ..] => number().filter(|n| *n < 16).map_or(0, |n| 3 << (2 * n)),
        _ => 0,
    }
}

/// Words that a `{list}` of registers holds; 1 without a list.
fn listed_words(operands: &str) -> u64 {
    let Some((_, list)) = operands.split_once('{') else { return 1 };
    let list = list.split('}').next().unwrap_or("");
    let number = |register: &str| register.trim().get(1..).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| {
            let words = if item.starts_with('d') { 2 } else { 1 };
            match item.split_once('-') {
                Some((low, high)) => words * (number(high) + 1).saturating_sub(number(low)),
                None => words,
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Instruction {
        Instruction::decode(0x100, 0xf000, text)
    }

    #[test]
    fn cycles_are_those_of_the_manual() {
        for (text, cycles) in [
            ("adds     r0, r1, r2", 1),
            ("push     {r4, r5, r6, lr}", 5),
            ("pop.w    {r4-r8, pc}", 7),
            ("vpush    {d8, d9}", 5),
            ("vldmia   r0!, {s0, s1, s2}", 4),
            ("ldr      r0, [r1]", 2),
            ("ldrd     r0, r1, [r2]", 3),
            ("vldr     d0, [r1]", 3),
            ("vdiv.f32 s0, s1, s2", 14),
            ("vfma.f32 s0, s1, s2", 3),
            ("mla      r0, r1, r2, r3", 2),
            ("vmov     r0, s1", 1),
            ("vmov     r0, r1, s1, s2", 2),
            ("vmov     s1, s2, r0, lr", 2),
            ("udiv     r0, r1, r2", 7),
        ] {
            assert_eq!(of(text).cycles, cycles, "{text}");
        }
        assert_eq!(Instruction::decode(0, 0xbf18, "it ne").cycles, 0);
    }

    #[test]
    fn registers_read_and_written() {
        let add = of("vadd.f32 s1, s2, s31");
        assert_eq!((add.writes, add.reads), (1 << 1, 1 << 2 | 1 << 31));
        let fma = of("vmla.f32 s1, s2, s3");
        assert_eq!((fma.writes, fma.reads), (1 << 1, 0b1110));
        assert_eq!(of("vmov     r0, s4").reads, 1 << 4);
        assert_eq!(of("vmov     s4, r0").writes, 1 << 4);
        assert_eq!(of("vstr     d1, [r0]").reads, 0b1100);
    }
}
