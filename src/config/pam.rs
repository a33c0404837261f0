//! `pam_type`: the vendor's framework asks a store by it, and this processor one by `secret_command`.

use super::problems::Problems;

/// What stands for one of the vendor's plug-ins.
const COMMANDS: &[(&str, &str)] = &[
    (
        "hashicorpvault",
        "secret_command = /usr/local/bin/vault-secret {name}, a script that runs `vault kv get -field=KEY ENGINE/PATH` for \
         ^ENGINE.PATH.KEY",
    ),
    (
        "cyberark",
        "secret_command = /usr/local/bin/cyberark-secret {name}, a script that asks the Central Credential Provider for \
         ^SAFE/OBJECT",
    ),
];

/// A plug-in is refused by name, with what to write in its place; the keyring is `^NAME`'s meaning there and here.
pub(super) fn check(plugin: &str, origin: &str, has_command: bool, problems: &mut Problems) {
    let bare = plugin.trim().rsplit('.').next().unwrap_or_default().to_lowercase();
    if has_command || bare.is_empty() || bare == "keyring" {
        return;
    }
    let known = COMMANDS.iter().find(|(name, _)| *name == bare).map(|(_, command)| *command);
    let command =
        known.unwrap_or("secret_command = COMMAND {name}, where COMMAND prints the secret of that name");
    problems.at(
        origin,
        format!(
            "pam_type {plugin} is a plug-in of the vendor's framework and not part of this processor: set {command} \
             (docs/operating.md, \"Secret stores\", has both scripts); pam_type may then stay"
        ),
    );
}
