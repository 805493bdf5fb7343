import { createServer } from "node:http";
import { createRequestListener } from "@react-router/node";
import * as build from "./build/server/index.js";

const server = createServer(createRequestListener({ build }));
server.listen(0, "localhost", () => console.log(`http://localhost:${server.address().port}`));
