//! `robovan token`: lasting access tokens of a data directory.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rv_base::TenantId;
use rv_fleet::{Actor, Role};
use rv_server::auth;
use rv_server::data_dir::token_path;

use crate::config::DEFAULT_DATA_DIR;
use crate::output::{self, HintExt};

/// Longest name of a token's holder, bytes.
const NAME_BYTES_MAX: usize = 100;

/// `robovan token`.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a token and print it, once; the data directory keeps its hash. The server knows it from
    /// its next start on
    Add(AddArgs),
}

/// Whose token it is.
#[derive(Args)]
pub(crate) struct AddArgs {
    /// Who will hold it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What its holder may do: viewer, tenant, operator or admin
    #[arg(long, value_parser = role, value_name = "ROLE")]
    role: Role,
    /// Number of the tenant, for the role tenant
    #[arg(long, value_name = "N")]
    tenant_id: Option<u16>,
    /// Folder of the embedded store, made when missing
    #[arg(long, env = "ROBOVAN_DATA_DIR", value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
}

/// Runs `robovan token`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let Command::Add(args) = command;
    let is_tenant = args.role == Role::Tenant;
    if is_tenant != args.tenant_id.is_some() {
        return Err(output::error_with_hint(
            if is_tenant { "a tenant's token needs a tenant" } else { "this role has no tenant" },
            "give --tenant-id with --role tenant, and only then",
        ));
    }
    if args.name.trim().is_empty() || args.name.len() > NAME_BYTES_MAX {
        return Err(output::error_with_hint(
            "the name is empty or too long",
            "take up to 100 bytes",
        ));
    }
    std::fs::create_dir_all(&args.data_dir).hint(
        format!("cannot make {}", args.data_dir.display()),
        "choose another --data-dir, or give this user write access to it",
    )?;
    let actor = Actor { role: args.role, tenant: args.tenant_id.map(TenantId) };
    let token = auth::add_token(&token_path(&args.data_dir), &args.name, actor)
        .map_err(|e| output::error_with_hint(output::chain(&e), e.hint()))?;
    output::print(&format!("{token}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn role(text: &str) -> Result<Role, String> {
    match text {
        "viewer" => Ok(Role::Viewer),
        "tenant" => Ok(Role::Tenant),
        "operator" => Ok(Role::Operator),
        "admin" => Ok(Role::Admin),
        _ => Err("take viewer, tenant, operator or admin".into()),
    }
}
