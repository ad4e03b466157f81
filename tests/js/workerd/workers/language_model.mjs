/** A Worker that only asks a language model: no engine, no models, and a host by variable. */

import { Session, configure } from "edgelet/worker";
import python from "./python.mjs";

configure({ modules: python });

const failed = ({ name, message }) => ({ name, message });

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const session = new Session(pathname.slice(1));
    const answer = session.run(searchParams.get("prompt"), { signal: request.signal });
    return Response.json(await answer.catch(failed));
  },
};
