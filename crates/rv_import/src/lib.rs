//! OpenStreetMap (PBF, XML, Overpass JSON) to a city file.
