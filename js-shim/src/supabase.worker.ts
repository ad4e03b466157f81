/** `import "edgelet/supabase"`: functions written for Supabase's runtime run as they are. */

import { Session } from "./worker.js";
import { provideSupabase } from "./supabase_global.js";

export type {} from "./supabase_global.js"; // the types of the global go with this import

provideSupabase(Session);
