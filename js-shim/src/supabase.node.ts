/** `import "edgelet/supabase"`: functions written for Supabase's runtime run as they are. */

import { Session } from "./node.js";
import { provideSupabase } from "./supabase_global.js";

provideSupabase(Session);
