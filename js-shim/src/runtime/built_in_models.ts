/**
 * The built-in embedding models of core (`edgelet.models.BUILT_IN_MODELS`), by short name and by
 * hub id: what may be loaded while Python is still starting. A test holds it to core's list.
 */
export const BUILT_IN_MODELS: Readonly<Record<string, string>> = {
  "all-MiniLM-L6-v2": "all-MiniLM-L6-v2",
  "sentence-transformers/all-MiniLM-L6-v2": "all-MiniLM-L6-v2",
  "gte-small": "gte-small",
  "thenlper/gte-small": "gte-small",
  "bge-small-en-v1.5": "bge-small-en-v1.5",
  "BAAI/bge-small-en-v1.5": "bge-small-en-v1.5",
};
