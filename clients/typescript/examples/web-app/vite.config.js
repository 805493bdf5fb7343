// The page calls its backend below its own address.
const target = process.env.BACKEND_URL ?? "http://localhost:8080";

export default { server: { proxy: { "/api": target } } };
