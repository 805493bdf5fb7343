# The image of a server. It holds the static binary, the authorities of TLS, and nothing
# else: no shell, no package manager, no base image to follow. What it is built from,
# dist/image, comes from the tree, so that a build needs no registry:
#
#   make image-root && docker build -t openwearables .

FROM scratch
COPY dist/image/root/ /
COPY --chown=65532:65532 dist/image/own/ /

# Beyond the container, serve needs --tls-cert and --tls-key, --trusted-proxies, or
# --insecure-http where the port is published on loopback alone.
ENV OPENWEARABLES_ADDR=0.0.0.0:8000

# Where openwearables.db is, unless --database or --database-file say otherwise.
WORKDIR /data
USER 65532:65532
EXPOSE 8000
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/openwearables", "health"]
ENTRYPOINT ["/openwearables"]
CMD ["serve"]
