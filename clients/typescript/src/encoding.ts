/** Returns a number in hex, of at least so many digits. */
export function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/**
 * Reads base64, of both alphabets and with or without padding, in runtimes without atob too.
 * Each character of the result is a byte.
 */
export function fromBase64(text: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
  let bits = 0;
  let held = 0;
  let out = "";
  for (const char of text.replace(/=+$/, "")) {
    const at = alphabet.indexOf(char);
    held = (held << 6) | (at > 63 ? at - 2 : at);
    bits += 6;
    if (bits > 7) {
      bits -= 8;
      out += String.fromCharCode((held >> bits) & 255);
    }
  }
  return out;
}
