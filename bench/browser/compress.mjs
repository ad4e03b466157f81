// Compress one file as a careful server would have done ahead of time: brotli at its best.
//
//   node compress.mjs FROM TO

import { readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { brotliCompressSync, constants } from "node:zlib";

const [from, to] = argv.slice(2);
const bytes = readFileSync(from);
writeFileSync(
  to,
  brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  }),
);
