//! `robovan linehaul draw`: a plan as pictures.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rv_model::linehaul::{NetworkDesign, Replan, Timing, Week};

use super::picture::{Scene, draw_map, draw_time};
use super::{PlanFile, is_week, read_instance, read_plan, replan, week};
use crate::files::write_text;
use crate::output::{HintExt, error_with_hint};

#[derive(Args)]
pub(crate) struct DrawArgs {
    /// Instance
    file: PathBuf,
    /// Plan, as `solve` or `replan` wrote it
    plan: PathBuf,
    #[command(flatten)]
    pictures: Pictures,
    /// Key of a commodity whose way stands out
    #[arg(long, value_name = "KEY")]
    order: Option<String>,
}

/// Pictures of a plan.
#[derive(Args, Clone, Default)]
pub(crate) struct Pictures {
    /// Write a space-time diagram (SVG): hubs, trucks, docks and charging over time
    #[arg(long, value_name = "FILE.svg")]
    plot_time: Option<PathBuf>,
    /// Write a map (SVG): lanes by freight and fill
    #[arg(long, value_name = "FILE.svg")]
    plot_map: Option<PathBuf>,
}

pub(super) fn run(args: &DrawArgs) -> anyhow::Result<ExitCode> {
    if args.pictures.plot_time.is_none() && args.pictures.plot_map.is_none() {
        return Err(error_with_hint(
            "no picture is asked for",
            "give --plot-time FILE.svg, --plot-map FILE.svg or both",
        ));
    }
    let plan = read_plan(&args.plan)?;
    if is_week(&args.file) {
        let week = week::read(&args.file)?;
        args.pictures.of_week(&week, &plan, args.order.as_deref())?;
    } else {
        if args.order.is_some() {
            return Err(error_with_hint(
                "commodities of .dow instances have no keys",
                "--order goes with weeks",
            ));
        }
        args.pictures.of_design(&read_instance(&args.file)?, &plan)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the space-time diagram of a plan that was made anew; `week` has what events brought.
pub(crate) fn draw_time_of(week: &Week, new: &Replan, path: &Path) -> anyhow::Result<()> {
    let scene = Scene::of_week(week, &new.events, &new.plan)
        .hint("the week is wrong", "docs/linehaul.md describes its fields")?;
    write_text(path, &draw_time(&scene))
}

impl Pictures {
    /// Draws what is asked for of a week's plan; `order` stands out.
    pub(super) fn of_week(
        &self,
        week: &Week,
        plan: &PlanFile,
        order: Option<&str>,
    ) -> anyhow::Result<()> {
        let wrong = "the week or an event of the plan is wrong";
        let hint = "docs/linehaul.md describes their fields";
        let (week, plan, mut scene) = match plan {
            PlanFile::Week(plan) => {
                (week.clone(), plan, Scene::of_week(week, &[], plan).hint(wrong, hint)?)
            }
            PlanFile::Replan(new) => {
                let week = replan::week_after(week, new)?;
                let scene = Scene::of_week(&week, &new.events, &new.plan).hint(wrong, hint)?;
                (week, &new.plan, scene)
            }
            PlanFile::Static(_) | PlanFile::Timed(_) | PlanFile::Hubs(_) => {
                return Err(other_kind());
            }
        };
        if let Some(key) = order
            && !scene.mark(&week, plan, key)
        {
            return Err(error_with_hint(
                format!("the week has no commodity {key}"),
                "give the key of a commodity with --order",
            ));
        }
        self.write(&scene)
    }

    /// Draws what is asked for of a network-design plan.
    pub(super) fn of_design(&self, design: &NetworkDesign, plan: &PlanFile) -> anyhow::Result<()> {
        let scene = match (design.timing(), plan) {
            (Timing::Timed, PlanFile::Timed(plan)) => Scene::of_timed(design, plan),
            (Timing::Static, PlanFile::Static(plan)) => Scene::of_static(design, plan),
            _ => return Err(other_kind()),
        };
        self.write(&scene)
    }

    fn write(&self, scene: &Scene) -> anyhow::Result<()> {
        if let Some(path) = &self.plot_time {
            if !scene.has_times() {
                return Err(error_with_hint(
                    "a static plan has no moments to draw",
                    "--plot-map draws it; --plot-time goes with timed instances and weeks",
                ));
            }
            write_text(path, &draw_time(scene))?;
        }
        if let Some(path) = &self.plot_map {
            write_text(path, &draw_map(scene))?;
        }
        Ok(())
    }
}

fn other_kind() -> anyhow::Error {
    error_with_hint(
        "the plan answers another kind of instance",
        "give the instance that the plan was made for",
    )
}
