//! A QEMU plugin: instructions (exact) and modelled Cortex-M4F cycles between two markers of the emulated program.
//!
//! A region begins at the hint `.inst.n 0xbf50` and ends at `.inst.n 0xbf60`; both execute as `NOP` and are not counted. At each end
//! one line goes to standard error: `region 0 instructions 971 cycles 2168`.
//!
//! The instructions of other cores are counted likewise, and their cycles mean nothing. On RISC-V, which has no such hints, `c.nop 1`
//! and `c.nop 2` are the markers.
//!
//! The model is that of zero wait states ([`model`]); absolute figures are estimates, ratios under it are what it is for.
//! Interface version 1, of QEMU 4.2 to 8; later versions refuse it.

mod decode;
mod model;

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use decode::{BEGIN, END, Instruction};
use model::Model;

/// Which version of QEMU's interface this is written for.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = 1;

type Id = u64;
#[repr(C)]
struct Block([u8; 0]);
#[repr(C)]
struct QemuInstruction([u8; 0]);

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, callback: unsafe extern "C" fn(Id, *const Block));
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *const QemuInstruction,
        callback: unsafe extern "C" fn(c_uint, *mut c_void),
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *const QemuInstruction;
    fn qemu_plugin_insn_data(instruction: *const QemuInstruction) -> *const c_void;
    fn qemu_plugin_insn_vaddr(instruction: *const QemuInstruction) -> u64;
    fn qemu_plugin_insn_disas(instruction: *const QemuInstruction) -> *mut c_char;
    fn free(memory: *mut c_void);
}

static MODEL: Mutex<Model> = Mutex::new(Model::NEW);
static RISCV: AtomicBool = AtomicBool::new(false);

/// RISC-V's markers as Arm's; nothing else of it has a meaning here.
fn from_riscv(first: u16) -> u16 {
    match first {
        0x0005 => BEGIN,
        0x0009 => END,
        _ => 0,
    }
}

unsafe extern "C" fn on_execution(_cpu: c_uint, data: *mut c_void) {
    // SAFETY: `data` is the box that `on_translation` leaked for this instruction, never freed or written again.
    let instruction = unsafe { &*data.cast::<Instruction>() };
    let ended = MODEL.lock().unwrap_or_else(PoisonError::into_inner).execute(instruction);
    if let Some(region) = ended {
        eprintln!("region {} instructions {} cycles {}", region.number, region.instructions, region.cycles);
    }
}

unsafe extern "C" fn on_translation(_: Id, block: *const Block) {
    // SAFETY: QEMU passes a block that lives during this call, and every index below its count is an instruction of it that lives as
    // long. Its data is at least two bytes. The text is a C string that the caller frees. The leaked box lives for ever, as QEMU keeps
    // the callback as long as it likes; programs here have some thousand instructions.
    unsafe {
        for index in 0..qemu_plugin_tb_n_insns(block) {
            let instruction = qemu_plugin_tb_get_insn(block, index);
            let first = u16::from_le_bytes(qemu_plugin_insn_data(instruction).cast::<[u8; 2]>().read());
            let text = qemu_plugin_insn_disas(instruction);
            let decoded = Instruction::decode(
                qemu_plugin_insn_vaddr(instruction),
                if RISCV.load(Ordering::Relaxed) { from_riscv(first) } else { first },
                &CStr::from_ptr(text).to_string_lossy(),
            );
            free(text.cast());
            let decoded = Box::into_raw(Box::new(decoded));
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_execution, 0, decoded.cast());
        }
    }
}

/// Called by QEMU when it loads the plugin.
///
/// # Safety
/// `id` is the one that QEMU chose, and `info` points to its description of itself, which begins with the name of the emulated core.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    info: *const *const c_char,
    _: c_int,
    _: *const *const c_char,
) -> c_int {
    // SAFETY: `id` and `info` are QEMU's, the name is a C string, and the callback has the type that the interface states.
    unsafe {
        RISCV.store(CStr::from_ptr(*info).to_bytes() == b"riscv32", Ordering::Relaxed);
        qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    }
    0
}
