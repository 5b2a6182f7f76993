//! Which of several organisations is meant, for the commands that are about one.

use clap::Args;

use crate::conversation::Organization;

/// Which of several organisations is meant.
#[derive(Args, Debug)]
pub struct Whose {
    /// Which organisation, by its name, where the settings have several
    #[arg(long, value_name = "NAME")]
    pub organization: Option<Organization>,
}

impl Whose {
    /// The end of an address at the status page that is about it.
    pub(super) fn query(&self) -> String {
        let name = self.organization.as_ref().and_then(Organization::name);
        name.map_or_else(String::new, |name| format!("?organization={name}"))
    }

    /// Its name as a text.
    pub(super) fn name(&self) -> Option<String> {
        let name = self.organization.as_ref().and_then(Organization::name);
        name.map(str::to_owned)
    }
}
