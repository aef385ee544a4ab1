// A ZIP archive of files as they are: weights can hardly be compressed.

const LOCAL = 0x04034b50, ENTRY = 0x02014b50, END = 0x06054b50;
const VERSION = 20, UTF8 = 0x0800, MIDNIGHT = 0, FIRST_OF_1980 = 0x21;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crcOf(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 255];
  return ~crc >>> 0;
}

/** The archive of files by path, whose contents are text or bytes. */
export function zip(files) {
  const parts = [], directory = [];
  let offset = 0;
  for (const [path, contents] of Object.entries(files)) {
    const name = new TextEncoder().encode(path);
    const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
    // What the header before a file and its entry in the directory have in common.
    const shared = [
      ...[VERSION, UTF8, 0, MIDNIGHT, FIRST_OF_1980].map(short),
      ...[crcOf(bytes), bytes.length, bytes.length].map(long),
      ...[name.length, 0].map(short),
    ];
    const header = [long(LOCAL), ...shared, name];
    directory.push(long(ENTRY), short(VERSION), ...shared, ...[0, 0, 0].map(short), long(0), long(offset), name);
    parts.push(...header, bytes);
    offset += sizeOf([...header, bytes]);
  }
  const count = Object.keys(files).length;
  const end = [long(END), ...[0, 0, count, count].map(short), long(sizeOf(directory)), long(offset), short(0)];
  return join([...parts, ...directory, ...end]);
}

const short = (value) => Uint8Array.of(value, value >>> 8);
const long = (value) => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
const sizeOf = (arrays) => arrays.reduce((size, array) => size + array.length, 0);

function join(arrays) {
  const joined = new Uint8Array(sizeOf(arrays));
  let offset = 0;
  for (const array of arrays) {
    joined.set(array, offset);
    offset += array.length;
  }
  return joined;
}
