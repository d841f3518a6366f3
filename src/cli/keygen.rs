//! `keepuntil keygen`.

use super::args::{Common, Keygen};
use super::error::{Failure, tell_warning};
use super::{Done, home, prompt, render};
use crate::crypto::identity::{generate, seal_with_passphrase};
use crate::ops::keys::identity_file;
use crate::storage::output::write_new;
use tr::tr;

pub fn run(args: Keygen, common: Common) -> Result<Done, Failure> {
    if let Some(path) = &args.recipients_of {
        let identities = home::read_identities(path)?;
        let mut listed = 0;
        for recipient in identities.recipients() {
            match recipient {
                Some(recipient) if common.json => {
                    listed += 1;
                    render::json_line(&serde_json::json!({ "message_type": "recipient", "recipient": recipient }));
                }
                Some(recipient) => render::print(&format!("{recipient}\n"))?,
                None => tell_warning(&tr!("a plugin's identity does not tell its recipient")),
            }
        }
        if common.json {
            render::end_of_list(listed);
        }
        return Ok(Done::Clean);
    }
    let identity = generate(args.classic);
    let text = identity_file(&identity, &home::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    let Some(path) = &args.output else {
        render::text(&text, common)?;
        return Ok(Done::Clean);
    };
    let sealed;
    let mut bytes = text.as_bytes();
    if args.passphrase {
        let passphrase =
            prompt::new_passphrase(&tr!("Passphrase for the identity (empty for none)"))?.ok_or_else(|| {
                Failure::Usage(
                    tr!("there is no passphrase"),
                    tr!("type one at a terminal, or set KEEPUNTIL_PASSPHRASE_COMMAND"),
                )
            })?;
        sealed = seal_with_passphrase(&text, &passphrase);
        bytes = &sealed;
    }
    write_new(path, bytes, 0o600)?;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "identity", "path": path.to_string_lossy(), "recipient": identity.recipient,
            "passphrase": args.passphrase,
        }));
    } else {
        eprintln!("{}", tr!("Public key: {recipient}", recipient = identity.recipient));
    }
    Ok(Done::Clean)
}
