"""The model store: where model files come from, and where they live.

A model is *pulled* (its source files are fetched and checked) and *built* (the builder turns them
into an artefact that a host can run). Both live in one cache folder that a person can read:

    <cache>/sources/<org>--<name>/<revision>/…          the files as published, checked
    <cache>/artefacts/<org>--<name>/<precision>-<key>/  what the builder made of them
    <cache>/locks/<org>--<name>.lock                    one process at a time works on a model

`<cache>` is `EDGELET_MODELS`, or the user's cache folder. Whatever is visible there is whole: files
are fetched and built in a hidden folder beside, and renamed into place when they are complete.

The store knows hubs, wheels, hashes and folders. It knows nothing of tensors, tokenizers or
sessions, and never opens what it stores.
"""

from edgelet_host.store.progress import Progress, Step
from edgelet_host.store.store import ModelStore, StoredModel, cache_folder

__all__ = ["ModelStore", "Progress", "Step", "StoredModel", "cache_folder"]
