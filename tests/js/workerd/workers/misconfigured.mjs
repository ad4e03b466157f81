/** What the mistakes of a first try come to: a session without modules, and with wrong ones. */

import * as edgelet from "edgelet/worker";
import python from "./python.mjs";

const failed = ({ name, message }) => ({ name, message });
const runtimeWith = (options) => edgelet.createRuntime({ modules: python, ...options });

const mistakes = {
  "/unconfigured": () => new edgelet.Session("mistral").run("Hi"),
  "/text": () => runtimeWith({ modules: { ...python, stdlib: "PK" } }),
  "/no-core": () => runtimeWith({ modules: { ...python, core: undefined } }),
  "/models": () => runtimeWith({ models: "./models" }),
};

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    return Response.json(await (async () => mistakes[pathname]())().catch(failed));
  },
};
