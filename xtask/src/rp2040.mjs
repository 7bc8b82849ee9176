// Boots the program of an ELF file on an RP2040 that rp2040js emulates. With a file of lines, sends them to UART 0 and prints the answers to each;
// otherwise UART 0 is standard input and output, and the end of the flash is kept in the file `flash.bin`.
// There is no boot ROM: what it does before the program starts is done here, as is what the program asks of it.
import fs from "node:fs";
import { ConsoleLogger, LogLevel, Simulator } from "rp2040js";

const [elfFile, linesFile] = process.argv.slice(2);
const elf = fs.readFileSync(elfFile);
const FLASH = 0x10000000;
const BOOT2 = 0x100;
const LOAD = 1;
/// What a program for learning keeps in flash.
const STORE = [0x1fc000, 0x200000];

const chip = new Simulator();
const { rp2040 } = chip;
rp2040.logger = new ConsoleLogger(LogLevel.Error);
for (let header = elf.readUInt32LE(28), i = 0; i < elf.readUInt16LE(44); header += elf.readUInt16LE(42), i++) {
  const [type, offset, , address, length] = [0, 4, 8, 12, 16].map((field) => elf.readUInt32LE(header + field));
  if (type === LOAD && length > 0) rp2040.flash.set(elf.subarray(offset, offset + length), address - FLASH);
}
const vectors = new DataView(rp2040.flash.buffer, rp2040.flash.byteOffset + BOOT2);
rp2040.core.VTOR = FLASH + BOOT2;
rp2040.core.SP = vectors.getUint32(0, true);
rp2040.core.PC = vectors.getUint32(4, true) & ~1;

// The boot ROM's functions (RP2040 data sheet, 2.8.3), each a breakpoint here: the first finds the others by the two letters of their names.
const copy = (to, from, count) => {
  for (let i = 0; i < count; i++) rp2040.writeUint8(to + i, rp2040.readUint8(from + i));
  return to;
};
const keep = () => linesFile ?? fs.writeFileSync("flash.bin", rp2040.flash.subarray(...STORE));
const nothing = () => 0;
const functions = {
  find: (_, name) => address(String.fromCharCode(name & 0xff, name >> 8)),
  C4: copy, // memcpy44
  IF: nothing, // connect_internal_flash
  EX: nothing, // flash_exit_xip
  FC: nothing, // flash_flush_cache
  CX: nothing, // flash_enter_cmd_xip
  RE: (from, count) => {
    rp2040.flash.fill(0xff, from, from + count);
    keep();
  },
  RP: (to, data, count) => {
    for (let i = 0; i < count; i++) rp2040.flash[to + i] &= rp2040.readUint8(data + i);
    keep();
  },
};
const names = Object.keys(functions);
const [FIND, CODE, BREAK, RETURN] = [0x18, 0x100, 0xbe00, 0x4770];
const address = (name) => (CODE + 4 * names.indexOf(name)) | 1;
rp2040.bootrom[FIND / 4] = address("find");
names.forEach((_, i) => (rp2040.bootrom[CODE / 4 + i] = (RETURN << 16) | BREAK | i));
rp2040.onBreak = (number) => {
  const { registers } = rp2040.core;
  registers[0] = functions[names[number]](...registers.slice(0, 3)) ?? 0;
};

// Of the cache between flash and cores a program asks whether it still reads ahead.
const CACHE = 0x14000000;
rp2040.peripherals[(CACHE >>> 14) << 2] = { readUint32: nothing };

// A byte every millisecond of the chip's own time, so that none is lost, once the program has started.
const queue = [];
const send = chip.clock.createAlarm(() => {
  rp2040.uart[0].feedByte(queue.shift());
  if (queue.length > 0) send.schedule(PAUSE);
});
const [START, PAUSE] = [20e6, 1e6];
const feed = (bytes) => {
  if (queue.push(...bytes) === bytes.length) send.schedule(Math.max(PAUSE, START - chip.clock.nanos));
};

if (linesFile) {
  const lines = fs.readFileSync(linesFile);
  let missing = lines.filter((byte) => byte === 10).length;
  rp2040.uart[0].onByte = (byte) => {
    process.stdout.write(Uint8Array.of(byte));
    if (byte === 10 && --missing === 0) process.exit(0);
  };
  feed(lines);
  setTimeout(() => {
    console.error(`${missing} answers are missing after a minute; program counter ${rp2040.core.PC.toString(16)}`);
    process.exit(1);
  }, 60_000);
} else {
  rp2040.flash.set(fs.existsSync("flash.bin") ? fs.readFileSync("flash.bin") : [], STORE[0]);
  rp2040.uart[0].onByte = (byte) => process.stdout.write(Uint8Array.of(byte));
  process.stdin.on("data", feed);
  process.stdin.on("end", () => process.exit(0));
}
chip.execute();
