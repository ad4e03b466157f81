"""What stops the work: one sentence, with the remedy."""


class BundleError(Exception):
    """The bundle cannot be made. The message is one sentence for a person."""
