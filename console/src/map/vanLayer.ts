/**
 * Draws all vans in one instanced call. The vertex shader moves each van along its glide, so a
 * frame costs the processor nothing, and the fragment shader draws body, heading, battery ring
 * and alarm as distance fields, sharp at any size.
 */
import type { CustomLayerInterface, CustomRenderMethodInput, Map as MapLibreMap } from 'maplibre-gl';
import { GLIDE_GLSL, STRIDE, type Fleet } from '../state/fleet';
import { ALERT_STATES, rgb, STATE_COLORS } from '../theme';
import type { Theme } from '../state/state';

const N_STATES = 10;

const VERTEX = `#version 300 es
precision highp float;
uniform mat4 u_matrix;
uniform vec2 u_viewport;
uniform float u_time;
uniform float u_size;
uniform int u_hidden;
in vec2 a_corner;
in vec4 a_glide;
in vec4 a_motion;
in vec4 a_look;
out vec2 v_at;
out vec2 v_up;
flat out int v_state;
flat out vec3 v_look;
${GLIDE_GLSL}
void main() {
  float u = clamp((u_time - a_motion.z) / a_motion.w, 0.0, 1.0);
  vec2 at = a_glide.xy + glide(a_glide.zw - a_glide.xy, a_motion.x, a_motion.y, u);
  float heading = mix(a_motion.x, a_motion.y, u);
  v_state = int(a_look.x + 0.5);
  v_look = a_look.yzw;
  v_at = a_corner * 2.4;
  v_up = vec2(sin(heading), cos(heading));
  vec4 p = u_matrix * vec4(at, 0.0, 1.0);
  p.xy += a_corner * 2.4 * u_size / u_viewport * 2.0 * p.w;
  bool is_hidden = ((u_hidden >> v_state) & 1) == 1 && a_look.w < 0.5;
  gl_Position = is_hidden ? vec4(2.0, 2.0, 2.0, 1.0) : p;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
uniform vec3 u_colors[${N_STATES}];
uniform vec3 u_edge;
uniform vec3 u_mark;
uniform float u_size;
uniform float u_detail;
uniform float u_rings;
uniform float u_pulse;
uniform int u_alerts;
in vec2 v_at;
in vec2 v_up;
flat in int v_state;
flat in vec3 v_look;
out vec4 color;

float box(vec2 p, vec2 half_size, float r) {
  vec2 q = abs(p) - half_size + r;
  return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - r;
}
void over(inout vec4 under, vec3 c, float a) {
  under = vec4(c * a, a) + under * (1.0 - a);
}
void main() {
  float px = 1.0 / u_size;
  vec2 p = vec2(v_at.x * v_up.y - v_at.y * v_up.x, v_at.x * v_up.x + v_at.y * v_up.y);
  float r = length(v_at);
  vec3 body = u_colors[v_state];
  vec4 c = vec4(0.0);

  bool is_alert = ((u_alerts >> v_state) & 1) == 1;
  if (is_alert) {
    float reach = 1.15 + 0.95 * u_pulse;
    float fade = 0.75 * (1.0 - u_pulse);
    over(c, body, 0.22 * smoothstep(reach + px, reach - px, r) * (0.4 + fade));
    over(c, body, fade * smoothstep(1.8 * px, 0.4 * px, abs(r - reach)));
  }
  if (u_rings > 0.0) {
    float turn = fract(atan(v_at.x, v_at.y) / 6.2831853 + 1.0);
    float band = smoothstep(1.7 * px, 0.7 * px, abs(r - 1.32));
    vec3 level = v_look.x > 0.45 ? vec3(0.42, 0.80, 0.52) : v_look.x > 0.2 ? vec3(0.95, 0.72, 0.28) : vec3(1.0, 0.36, 0.33);
    over(c, u_edge, 0.55 * u_rings * smoothstep(2.8 * px, 1.8 * px, abs(r - 1.32)));
    over(c, turn < v_look.x ? level : mix(u_edge, level, 0.25), u_rings * band);
  }
  if (v_look.z > 0.5) {
    float at = u_rings > 0.0 ? 1.75 : 1.6;
    over(c, u_mark, 0.14 * smoothstep(at, at - px, r));
    over(c, u_mark, smoothstep(2.0 * px, 0.9 * px, abs(r - at)));
  }

  float van = box(p, vec2(0.5, 0.92), 0.26);
  float nose = max(van, p.y - 0.92);
  float d = mix(r - 0.62, nose, u_detail);
  float halo = max(1.6 * px, 0.14);
  over(c, u_edge, smoothstep(halo + px, halo - px, d) * 0.9);
  vec3 paint = body;
  if (u_detail > 0.5) {
    float screen = box(p - vec2(0.0, 0.52), vec2(0.34, 0.15), 0.1);
    paint = mix(paint, u_edge, 0.85 * smoothstep(px, -px, screen));
    float roof = box(p - vec2(0.0, -0.3), vec2(0.3, 0.44), 0.1);
    paint = mix(paint, mix(body, vec3(1.0), 0.28), smoothstep(px, -px, roof) * smoothstep(8.0, 13.0, u_size));
  }
  over(c, paint, smoothstep(px, -px, d));
  color = c;
}`;

/** Draws the fleet; `options` may change at any time and count from the next frame. */
export class VanLayer implements CustomLayerInterface {
  readonly id = 'vans';
  readonly type = 'custom' as const;
  readonly renderingMode = '2d' as const;
  theme: Theme = 'dark';
  hidden: readonly number[] = [];
  is_calm = false;

  private map: MapLibreMap | undefined;
  private program: WebGLProgram | null = null;
  private array: WebGLVertexArrayObject | null = null;
  private buffer: WebGLBuffer | null = null;
  private corners: WebGLBuffer | null = null;
  private uniforms = new Map<string, WebGLUniformLocation | null>();
  private uploaded = -1;
  private n_allocated = 0;

  constructor(private readonly fleet: Fleet) {}

  onAdd(map: MapLibreMap, gl: WebGL2RenderingContext): void {
    this.map = map;
    this.program = link(gl);
    if (!this.program) return;
    this.array = gl.createVertexArray();
    this.buffer = gl.createBuffer();
    this.corners = gl.createBuffer();
    this.uploaded = -1;
    this.n_allocated = 0;
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    this.attribute(gl, 'a_corner', 2, 8, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    const bytes = STRIDE * 4;
    this.attribute(gl, 'a_glide', 4, bytes, 0, 1);
    this.attribute(gl, 'a_motion', 4, bytes, 16, 1);
    this.attribute(gl, 'a_look', 4, bytes, 32, 1);
    gl.bindVertexArray(null);
    this.uniforms.clear();
  }

  onRemove(_map: MapLibreMap, gl: WebGL2RenderingContext): void {
    gl.deleteProgram(this.program);
    gl.deleteBuffer(this.buffer);
    gl.deleteBuffer(this.corners);
    gl.deleteVertexArray(this.array);
    this.program = null;
  }

  render(gl: WebGLRenderingContext | WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    const { map, program, fleet } = this;
    if (!map || !program || fleet.n === 0 || !(gl instanceof WebGL2RenderingContext)) return;
    const now_s = performance.now() / 1000;
    gl.useProgram(program);
    gl.bindVertexArray(this.array);
    this.upload(gl);
    const zoom = map.getZoom();
    const ratio = gl.drawingBufferWidth / map.getCanvas().clientWidth;
    gl.uniformMatrix4fv(this.at(gl, 'u_matrix'), false, shifted(input.defaultProjectionData.mainMatrix, fleet.origin));
    gl.uniform2f(this.at(gl, 'u_viewport'), gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.uniform1f(this.at(gl, 'u_time'), this.is_calm ? 1e9 : fleet.time(now_s));
    gl.uniform1f(this.at(gl, 'u_size'), sizePx(zoom) * ratio);
    gl.uniform1f(this.at(gl, 'u_detail'), ramp(zoom, 12.4, 13.2));
    gl.uniform1f(this.at(gl, 'u_rings'), ramp(zoom, 14.6, 15.2));
    gl.uniform1f(this.at(gl, 'u_pulse'), this.is_calm ? 0.35 : (now_s / 1.6) % 1);
    gl.uniform1i(this.at(gl, 'u_hidden'), this.hidden.reduce((bits, state) => bits | (1 << state), 0));
    gl.uniform1i(this.at(gl, 'u_alerts'), ALERT_STATES.reduce((bits, state) => bits | (1 << state), 0));
    gl.uniform3fv(this.at(gl, 'u_colors'), STATE_COLORS[this.theme].flatMap(rgb));
    gl.uniform3fv(this.at(gl, 'u_edge'), rgb(this.theme === 'dark' ? '#0b1013' : '#ffffff'));
    gl.uniform3fv(this.at(gl, 'u_mark'), rgb(this.theme === 'dark' ? '#ffffff' : '#11181d'));
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, fleet.n);
    gl.bindVertexArray(null);
  }

  private upload(gl: WebGL2RenderingContext): void {
    const { fleet } = this;
    if (this.uploaded === fleet.version) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    const n = fleet.instances.length;
    if (n !== this.n_allocated) {
      gl.bufferData(gl.ARRAY_BUFFER, fleet.instances, gl.DYNAMIC_DRAW);
      this.n_allocated = n;
    } else {
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, fleet.instances, 0, fleet.n * STRIDE);
    }
    this.uploaded = fleet.version;
  }

  private attribute(gl: WebGL2RenderingContext, name: string, n: number, stride: number, from: number, step: number): void {
    if (!this.program) return;
    const at = gl.getAttribLocation(this.program, name);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, n, gl.FLOAT, false, stride, from);
    gl.vertexAttribDivisor(at, step);
  }

  private at(gl: WebGL2RenderingContext, name: string): WebGLUniformLocation | null {
    if (!this.program) return null;
    if (!this.uniforms.has(name)) this.uniforms.set(name, gl.getUniformLocation(this.program, name));
    return this.uniforms.get(name) ?? null;
  }
}

/** Half the length of a van in CSS pixels: a dot from afar, a van near by, true to scale closest. */
export function sizePx(zoom: number): number {
  if (zoom < 12.4) return 3.2 + Math.max(0, zoom - 9) * 0.5;
  if (zoom < 16) return 5.4 + (zoom - 12.4) * 1.5;
  return Math.min(60, 10.8 * 2 ** ((zoom - 16) * 0.55));
}

function ramp(value: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}

/** `matrix * translate(origin)`, in doubles before it becomes floats. */
function shifted(matrix: ArrayLike<number>, [x, y]: readonly [number, number]): Float32Array {
  const m = Float64Array.from(matrix);
  for (let row = 0; row < 4; row++) {
    m[12 + row] = (m[row] ?? 0) * x + (m[4 + row] ?? 0) * y + (m[12 + row] ?? 0);
  }
  return Float32Array.from(m);
}

function link(gl: WebGL2RenderingContext): WebGLProgram | null {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(type);
    if (!shader) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS)) return program;
  // Whoever has such a browser sees no vans; why is told where developers look.
  // eslint-disable-next-line no-console
  console.error('van layer does not link:', gl.getProgramInfoLog(program));
  return null;
}
