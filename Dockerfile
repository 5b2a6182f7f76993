FROM rust:1-slim-bookworm AS build
WORKDIR /build
# Dependencies first, for an empty program: this layer is made anew only when they change.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src benches && echo 'fn main() {}' | tee src/main.rs benches/frames.rs benches/forecast.rs benches/daemon.rs && touch src/lib.rs && cargo build --release --locked
COPY config config
COPY src src
# The empty program may be newer than the sources, which cargo would then take for built.
RUN touch src/main.rs src/lib.rs && cargo build --release --locked && mkdir /state

FROM gcr.io/distroless/cc-debian12:nonroot
ARG REVISION=unknown
LABEL org.opencontainers.image.title="callback-prioritizer" \
      org.opencontainers.image.description="Keeps the place in line of callbacks waiting in Genesys Cloud queues" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /build/target/release/callback-prioritizer /callback-prioritizer
COPY --from=build --chown=65532:65532 /state /var/lib/callback-prioritizer
ENV STATE_DIRECTORY=/var/lib/callback-prioritizer
VOLUME /var/lib/callback-prioritizer
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["/callback-prioritizer", "healthcheck"]
ENTRYPOINT ["/callback-prioritizer"]
CMD ["run"]
