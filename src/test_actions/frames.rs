//! The frames of the test-actions port, each after its length in four bytes. Clients share the room for what they have not
//! sent whole yet: many that announce much and send little cannot take all memory.

use bytes::{Bytes, BytesMut};
use std::{io, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

/// The largest submission, in bytes: as much as a broker delivers.
pub(super) const LARGEST: usize = 100 * 1024 * 1024;

/// What all clients together may be in the midst of sending, in KiB: one submission of the largest kind, and some more.
const ROOM_KIB: usize = 128 * 1024;

const KIB: usize = 1_024;

/// Length-delimited frames within the room that all clients share.
#[derive(Debug)]
pub(super) struct Frames {
    codec: LengthDelimitedCodec,
    room: Arc<Semaphore>,
    /// For the frame that is on its way.
    taken: Option<OwnedSemaphorePermit>,
}

/// The room that the clients of a port share.
pub(super) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(ROOM_KIB))
}

// === impl Frames ===

impl Frames {
    pub(super) fn new(room: Arc<Semaphore>) -> Self {
        let codec = LengthDelimitedCodec::builder().max_frame_length(LARGEST).new_codec();
        Self { codec, room, taken: None }
    }

    /// Takes room for the frame that begins, before the codec makes room in memory for the whole of it.
    fn take(&mut self, bytes: &BytesMut) -> io::Result<()> {
        let Some(&length) = bytes.first_chunk::<4>().filter(|_| self.taken.is_none()) else { return Ok(()) };
        let kib = u32::from_be_bytes(length).div_ceil(KIB as u32);
        // One that is larger than any may be is the codec's to refuse.
        if kib as usize > LARGEST / KIB {
            return Ok(());
        }
        let busy =
            |_| io::Error::other("other clients are in the midst of sending as much as there is room for");
        self.taken = Some(self.room.clone().try_acquire_many_owned(kib).map_err(busy)?);
        Ok(())
    }
}

impl Decoder for Frames {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        self.take(bytes)?;
        let frame = self.codec.decode(bytes)?;
        if frame.is_some() {
            self.taken = None;
        }
        Ok(frame)
    }
}

impl Encoder<Bytes> for Frames {
    type Error = io::Error;

    fn encode(&mut self, frame: Bytes, bytes: &mut BytesMut) -> io::Result<()> {
        self.codec.encode(frame, bytes)
    }
}
