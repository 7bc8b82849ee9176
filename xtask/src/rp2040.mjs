// Boots the program of an ELF file on an RP2040 that rp2040js emulates, sends it the lines of a file over UART 0, and prints its answers.
// There is no boot ROM: what it does before the program starts is done here.
import fs from "node:fs";
import { ConsoleLogger, LogLevel, Simulator } from "rp2040js";

const [elf, lines] = process.argv.slice(2).map((file) => fs.readFileSync(file));
const FLASH = 0x10000000;
const BOOT2 = 0x100;
const LOAD = 1;

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

let missing = lines.filter((byte) => byte === 10).length;
rp2040.uart[0].onByte = (byte) => {
  process.stdout.write(Uint8Array.of(byte));
  if (byte === 10 && --missing === 0) process.exit(0);
};
// A byte every millisecond of the chip's own time, so that none is lost, once the program has started.
let sent = 0;
const send = chip.clock.createAlarm(() => {
  rp2040.uart[0].feedByte(lines[sent++]);
  if (sent < lines.length) send.schedule(1e6);
});
send.schedule(20e6);
setTimeout(() => {
  console.error(`${missing} answers are missing after a minute; program counter ${rp2040.core.PC.toString(16)}`);
  process.exit(1);
}, 60_000);
chip.execute();
