//! Cycles of a sequence of instructions at zero wait states.
//!
//! In it: the cycles of each instruction alone, one more where a result of the floating-point unit is used by the very next
//! instruction, one less where a load or store follows another, two for a taken branch (the pipeline fills again).
//! Not in it: wait states of the flash, other masters on the bus, and divisions that end early (a middle value is taken).

use crate::decode::{Class, Instruction, Marker};

/// Counts the region that is open, if one is.
pub struct Model {
    open: Option<Counts>,
    regions: u64,
}

struct Counts {
    instructions: u64,
    cycles: u64,
    last: Option<Instruction>,
}

/// What a region cost.
#[derive(Debug, PartialEq, Eq)]
pub struct Region {
    pub number: u64,
    pub instructions: u64,
    pub cycles: u64,
}

impl Model {
    pub const NEW: Self = Self { open: None, regions: 0 };

    /// Takes the next executed instruction; returns the region that it ends.
    pub fn execute(&mut self, instruction: &Instruction) -> Option<Region> {
        if instruction.marker == Some(Marker::Begin) {
            self.open = Some(Counts { instructions: 0, cycles: 0, last: None });
            return None;
        }
        let counts = self.open.as_mut()?;
        if counts.last.is_some_and(|last| last.next != instruction.address) {
            counts.cycles += 2;
        }
        if instruction.marker == Some(Marker::End) {
            let region = Region { number: self.regions, instructions: counts.instructions, cycles: counts.cycles };
            self.regions += 1;
            self.open = None;
            return Some(region);
        }
        counts.instructions += 1;
        counts.cycles += instruction.cycles;
        if let Some(last) = counts.last {
            if instruction.class == Class::Memory && last.class == Class::Memory {
                counts.cycles -= 1;
            }
            if last.class == Class::Float && last.writes & instruction.reads != 0 {
                counts.cycles += 1;
            }
        }
        counts.last = Some(*instruction);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cycles of these instructions, one behind the other, except that the program jumps to those whose text begins with `>`.
    fn cycles(texts: &[&str]) -> u64 {
        let mut model = Model::NEW;
        assert_eq!(model.execute(&Instruction::decode(0, 0xbf50, "hint")), None);
        let mut address = 2;
        for text in texts {
            let target = text.strip_prefix('>');
            address += if target.is_some() { 100 } else { 0 };
            assert_eq!(model.execute(&Instruction::decode(address, 0xf000, target.unwrap_or(text))), None);
            address += 4;
        }
        let region = model.execute(&Instruction::decode(address, 0xbf60, "hint")).unwrap();
        assert_eq!(region.instructions, texts.len() as u64);
        region.cycles
    }

    #[test]
    fn neighbours_matter() {
        assert_eq!(cycles(&["vadd.f32 s0, s1, s2", "vadd.f32 s3, s4, s5"]), 2);
        assert_eq!(cycles(&["vadd.f32 s0, s1, s2", "vadd.f32 s3, s0, s5"]), 3);
        assert_eq!(cycles(&["ldr r0, [r1]", "ldr r2, [r3]", "adds r0, r0, r2"]), 4);
        assert_eq!(cycles(&["vldr s0, [r1]", "vmul.f32 s0, s0, s0"]), 3);
        assert_eq!(cycles(&["b #0x100", ">adds r0, r0, r1"]), 4);
    }

    #[test]
    fn nothing_is_counted_outside_a_region() {
        let mut model = Model::NEW;
        assert_eq!(model.execute(&Instruction::decode(0, 0xf000, "adds r0, r0, r1")), None);
        assert_eq!(model.execute(&Instruction::decode(4, 0xbf60, "hint")), None);
    }
}
