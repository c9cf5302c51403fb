"""droidrack: a host controller for a rack of Android phones over ADB."""

__version__ = "0.1.0"
