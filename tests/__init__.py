"""Facts about tillstream; the folders mirror the packages."""
