"""One job from its inputs to a verified output: disk and cores, downloads, checks, making, publishing, reading back."""
