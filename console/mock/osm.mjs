// Reads an OSM PBF extract far enough for a mock: nodes, ways and their tags, and multipolygon
// relations. The product's importer is the real one; this one serves the console's developers.
import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { PbfReader } from 'pbf';

/** Reads a whole extract: `{nodes: Map(id -> {lon, lat, tags}), ways: [...], relations: [...]}`. */
export function readOsm(path) {
  const bytes = readFileSync(path);
  const out = { nodes: new Map(), ways: [], relations: [] };
  let at = 0;
  while (at < bytes.length) {
    const headerLength = bytes.readUInt32BE(at);
    at += 4;
    const header = new PbfReader(bytes.subarray(at, at + headerLength)).readFields(
      (tag, h, pbf) => {
        if (tag === 1) h.type = pbf.readString();
        else if (tag === 3) h.size = pbf.readVarint();
      },
      { type: '', size: 0 },
    );
    at += headerLength;
    const blob = new PbfReader(bytes.subarray(at, at + header.size)).readFields(
      (tag, b, pbf) => {
        if (tag === 1) b.raw = pbf.readBytes();
        else if (tag === 3) b.raw = inflateSync(pbf.readBytes());
      },
      { raw: null },
    );
    at += header.size;
    if (header.type === 'OSMData') readBlock(blob.raw, out);
  }
  return out;
}

function readBlock(raw, out) {
  const block = { strings: [], groups: [], granularity: 100, lat: 0, lon: 0 };
  new PbfReader(raw).readFields((tag, b, pbf) => {
    if (tag === 1) {
      pbf.readMessage((t, s, p) => t === 1 && s.push(Buffer.from(p.readBytes()).toString()), b.strings);
    } else if (tag === 2) b.groups.push(pbf.readBytes());
    else if (tag === 17) b.granularity = pbf.readVarint();
    else if (tag === 19) b.lat = pbf.readVarint(true);
    else if (tag === 20) b.lon = pbf.readVarint(true);
  }, block);
  for (const group of block.groups) {
    new PbfReader(group).readFields((tag, _, pbf) => {
      if (tag === 2) readDense(pbf, block, out);
      else if (tag === 3) out.ways.push(readWay(pbf, block));
      else if (tag === 4) out.relations.push(readRelation(pbf, block));
    }, null);
  }
}

function readDense(pbf, block, out) {
  const dense = pbf.readMessage(
    (tag, d, p) => {
      if (tag === 1) p.readPackedSVarint(d.ids);
      else if (tag === 8) p.readPackedSVarint(d.lats);
      else if (tag === 9) p.readPackedSVarint(d.lons);
      else if (tag === 10) p.readPackedVarint(d.keys);
    },
    { ids: [], lats: [], lons: [], keys: [] },
  );
  let [id, lat, lon, k] = [0, 0, 0, 0];
  for (let i = 0; i < dense.ids.length; i++) {
    id += dense.ids[i];
    lat += dense.lats[i];
    lon += dense.lons[i];
    let tags = null;
    while (k < dense.keys.length && dense.keys[k] !== 0) {
      tags ??= {};
      tags[block.strings[dense.keys[k]]] = block.strings[dense.keys[k + 1]];
      k += 2;
    }
    k += 1;
    out.nodes.set(id, {
      lat: 1e-9 * (block.lat + block.granularity * lat),
      lon: 1e-9 * (block.lon + block.granularity * lon),
      tags,
    });
  }
}

function tagsOf(block, keys, values) {
  return Object.fromEntries(keys.map((key, i) => [block.strings[key], block.strings[values[i]]]));
}

function readWay(pbf, block) {
  const way = pbf.readMessage(
    (tag, w, p) => {
      if (tag === 1) w.id = p.readVarint();
      else if (tag === 2) p.readPackedVarint(w.keys);
      else if (tag === 3) p.readPackedVarint(w.values);
      else if (tag === 8) p.readPackedSVarint(w.refs);
    },
    { id: 0, keys: [], values: [], refs: [] },
  );
  let ref = 0;
  return {
    id: way.id,
    tags: tagsOf(block, way.keys, way.values),
    refs: way.refs.map((delta) => (ref += delta)),
  };
}

function readRelation(pbf, block) {
  const relation = pbf.readMessage(
    (tag, r, p) => {
      if (tag === 2) p.readPackedVarint(r.keys);
      else if (tag === 3) p.readPackedVarint(r.values);
      else if (tag === 8) p.readPackedVarint(r.roles);
      else if (tag === 9) p.readPackedSVarint(r.members);
      else if (tag === 10) p.readPackedVarint(r.types);
    },
    { keys: [], values: [], roles: [], members: [], types: [] },
  );
  let id = 0;
  return {
    tags: tagsOf(block, relation.keys, relation.values),
    members: relation.members.map((delta, i) => ({
      id: (id += delta),
      role: block.strings[relation.roles[i]],
      is_way: relation.types[i] === 1,
    })),
  };
}
