// A Worker that starts another one in an isolate of its own, as the platform does where workerd runs
// already. `/ready` brings that one's files into memory, so that no start waits for them.

import worker from "worker.json";

const modules = {};

async function ready() {
  for (const [name, kind] of Object.entries(worker.modules)) {
    modules[name] ??= { [kind]: (await import(`deployed/${name}`)).default };
  }
}

export default {
  async fetch(request, { LOADER, ...env }) {
    await ready();
    if (new URL(request.url).pathname === "/ready") return new Response("ready");
    const { date: compatibilityDate, flags: compatibilityFlags, main: mainModule } = worker;
    const code = { compatibilityDate, compatibilityFlags, mainModule, modules, env };
    return LOADER.get("function", () => code).getEntrypoint().fetch(request);
  },
};
