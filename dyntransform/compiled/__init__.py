"""The same late binding for code objects without source: modules that are shipped as ``.pyc`` files alone."""
