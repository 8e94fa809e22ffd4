//! Those who take part: vehicles, pedestrians, things; stated in place or in a catalog.

use super::OpenScenarioError;
use super::Xml;
use super::build::{Builder, maybe, missing, number, number_or, text, wrong};
use super::expression::Scope;
use super::types::{Entity, EntityKind};

impl Builder<'_> {
    pub(super) fn entity(
        &mut self,
        object: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Entity, OpenScenarioError> {
        self.count()?;
        let name = text(object, "name", scope)?;
        let has_controller = object.child("ObjectController").is_some();
        let body = object.children.iter().find(|c| kind_of(c).is_some());
        if let Some(body) = body {
            return one(body, name, has_controller, scope);
        }
        if let Some(reference) = object.child("CatalogReference") {
            return self.referred(reference, scope, |_, entry, scope| {
                one(entry, name, has_controller, scope)
            });
        }
        Err(missing(object, "a vehicle, pedestrian, thing or catalog reference"))
    }
}

fn kind_of(element: &Xml) -> Option<EntityKind> {
    match element.name.as_str() {
        "Vehicle" => Some(EntityKind::Vehicle),
        "Pedestrian" => Some(EntityKind::Pedestrian),
        "MiscObject" => Some(EntityKind::Thing),
        _ => None,
    }
}

fn one(
    element: &Xml,
    name: String,
    has_controller: bool,
    scope: &Scope<'_>,
) -> Result<Entity, OpenScenarioError> {
    let kind = kind_of(element)
        .ok_or_else(|| missing(element, "a vehicle, pedestrian or thing of its name"))?;
    let category = match kind {
        EntityKind::Vehicle => "vehicleCategory",
        EntityKind::Pedestrian => "pedestrianCategory",
        EntityKind::Thing => "miscObjectCategory",
    };
    let category = text(element, category, scope)?;
    let boxed = element.child("BoundingBox").ok_or_else(|| missing(element, "<BoundingBox>"))?;
    let centre = boxed.child("Center").ok_or_else(|| missing(boxed, "<Center>"))?;
    let size = boxed.child("Dimensions").ok_or_else(|| missing(boxed, "<Dimensions>"))?;
    let dimension = |attribute: &str| {
        let value = number(size, attribute, scope)?;
        if (0.0..=200.0).contains(&value) {
            Ok(value)
        } else {
            Err(wrong(size, attribute, &value.to_string(), "not within 0 to 200 m".to_owned()))
        }
    };
    let limit = |attribute: &str, default: f64| match element.child("Performance") {
        Some(performance) => number_or(performance, attribute, scope, default).map(f64::abs),
        None => Ok(default),
    };
    let axle = |which: &str, attribute: &str| {
        let axle = element.child("Axles").and_then(|axles| axles.child(which));
        axle.map_or(Ok(None), |axle| maybe(axle, attribute, scope))
    };
    let front = axle("FrontAxle", "positionX")?.unwrap_or(0.0);
    let rear = axle("RearAxle", "positionX")?.unwrap_or(0.0);
    Ok(Entity {
        name,
        kind,
        category,
        centre_m: (number(centre, "x", scope)?, number(centre, "y", scope)?),
        length_m: dimension("length")?,
        width_m: dimension("width")?,
        wheelbase_m: front - rear,
        steering_max_rad: axle("FrontAxle", "maxSteering")?.unwrap_or(0.5),
        speed_max_mps: limit("maxSpeed", 200.0)?,
        acceleration_max_mps2: limit("maxAcceleration", 1e9)?,
        braking_max_mps2: limit("maxDeceleration", 1e9)?,
        has_controller,
    })
}
