# The processor with the components that come with it. docs/guide/containers.md says how to run it, and how to build an
# image of a processor with components of your own.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin processor

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/processor /usr/local/bin/processor
# Some container platforms choose the user id at random and leave the group at 0.
RUN install -d -m 0770 -o 1001 -g 0 /var/lib/processor
# The message store is kept here: without a volume it goes with the container.
ENV STATE_DIRECTORY=/var/lib/processor
ENV APP_CONFIG_FILE=/etc/processor/app.config
USER 1001:0
VOLUME /var/lib/processor
STOPSIGNAL SIGTERM
ENTRYPOINT ["processor"]
CMD ["run"]
