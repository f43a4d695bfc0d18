"""What is shipped and from where: audit of pinned packages, inventories (SBOM), digests of images.

``packages`` reads the pinned files, ``licences.toml`` holds what no file of a package says for certain; ``audit`` is
``make audit``, ``sbom`` is ``make sbom``, ``digests`` is ``make digests``.
"""
