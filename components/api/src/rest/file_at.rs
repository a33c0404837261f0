use super::{Download, Rest, RestError};
use crate::Message;
use serde::Deserialize;
use serde_json::Value;

/// Where a file is kept: with an incident, a task, or as an artifact.
///
/// ```
/// # use action_component::{Context, Failure, Message, Reply, rest::FileAt};
/// async fn size(message: Message, cx: Context) -> Result<Reply, Failure> {
///     let file = FileAt::of(&message).ok_or_else(|| Failure::new("The message is not about a file."))?;
///     let info = cx.rest().file_info(&file).await?;
///     let path = format!("/tmp/{}", info.id);
///     let mut download = cx.rest().download_file(&file).await?.into_reader();
///     tokio::io::copy(&mut download, &mut tokio::fs::File::create(path).await?).await?;
///     Ok(Reply::text(format!("{} is here", info.name)))
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileAt {
    /// An attachment of an incident.
    Incident {
        /// The incident's id.
        incident: i64,
        /// The attachment's id.
        attachment: i64,
    },
    /// An attachment of a task.
    Task {
        /// The task's id.
        task: i64,
        /// The attachment's id.
        attachment: i64,
    },
    /// An artifact that has a file.
    Artifact {
        /// The incident's id.
        incident: i64,
        /// The artifact's id.
        artifact: i64,
    },
}

/// What the platform knows of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct FileInfo {
    /// The attachment's id.
    pub id: i64,
    /// The file's name. It comes from whoever sent the file: never use it as a path.
    pub name: String,
    /// Its MIME type, by that same word.
    #[serde(default)]
    pub content_type: Option<String>,
    /// In bytes.
    #[serde(default)]
    pub size: Option<u64>,
}

// === impl FileAt ===

impl FileAt {
    /// The file that a message is about: its attachment, or its artifact's.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        let incident = message.incident_id()?;
        if let Some(attachment) = message.attachment() {
            let attachment = attachment.id()?;
            let task = message.task().and_then(|task| task.id());
            return Some(
                task.map_or(Self::Incident { incident, attachment }, |task| Self::Task { task, attachment }),
            );
        }
        let artifact = message.artifact().filter(|artifact| !artifact.get("attachment").is_null())?.id()?;
        Some(Self::Artifact { incident, artifact })
    }

    /// Where it is described: `/incidents/7/attachments/3`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Incident { incident, attachment } => {
                format!("/incidents/{incident}/attachments/{attachment}")
            }
            Self::Task { task, attachment } => format!("/tasks/{task}/attachments/{attachment}"),
            Self::Artifact { incident, artifact } => format!("/incidents/{incident}/artifacts/{artifact}"),
        }
    }
}

// === impl Rest ===

impl Rest {
    /// A file's name, type and size.
    ///
    /// # Errors
    /// See [`RestError`]; an artifact without a file is [`RestError::Unreadable`].
    pub async fn file_info(&self, file: &FileAt) -> Result<FileInfo, RestError> {
        match file {
            FileAt::Artifact { .. } => self.get(&file.path()).await.map(|Attached { attachment }| attachment),
            FileAt::Incident { .. } | FileAt::Task { .. } => self.get(&file.path()).await,
        }
    }

    /// A file's contents, as they come.
    ///
    /// # Errors
    /// See [`RestError`]; the stream's own errors say that the link broke.
    pub async fn download_file(&self, file: &FileAt) -> Result<Download, RestError> {
        self.download(&format!("{}/contents", file.path())).await
    }

    /// Deletes a file: the attachment, or the artifact with its file.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn delete_file(&self, file: &FileAt) -> Result<(), RestError> {
        self.delete::<Value>(&file.path()).await.map(drop)
    }
}

/// An artifact, of which only its file counts here.
#[derive(Deserialize)]
struct Attached {
    attachment: FileInfo,
}
