// Stands before a Worker that was deployed: it tells what its memories hold, and answers a greeting by
// itself, as a Worker without Python would.

import deployed from "./deployed.js";
import { memorySizes } from "./instances.js";

export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/plain":
        return new Response("Hello");
      case "/memory":
        return Response.json(memorySizes());
      default:
        return deployed.fetch(request);
    }
  },
};
