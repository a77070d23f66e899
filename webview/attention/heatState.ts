/** Size, zoom and layout of the heatmap and what stands around it, as signals. */
import { computed, signal } from '@preact/signals';
import { visibleText } from '../../src/protocol/tokens';
import { colours } from '../shared/theme';
import { aside } from './breakpoints';
import {
  HEAT_LEFT,
  type HeatInput,
  layoutHeat,
  legendFits,
  placeCard,
  type CardPlace,
  type HeatLayout,
  type Viewport,
} from './heatmapLayout';
import { drawn, tokens } from './store';

/** Height of the heading of the readout and of its sections; theme.css gives them these heights. */
export const CARD_HEADING = 24;
export const SECTION_ROWS = [4, 3, 5] as const;
export const ROW_HEIGHT = 20;
const SECTION_TITLE = 32;
const CARD_HEIGHTS = [CARD_HEADING, ...SECTION_ROWS.map((rows) => SECTION_TITLE + rows * ROW_HEIGHT)];

const LEGEND_BESIDE = { width: 144, height: 56 };
export const LEGEND_ROW = 32;
/** Height of the line of next tokens. */
const NEXT_LINE = 28;
/** From this width on a zoomed map leaves room for the readout at its right. */
const ROOM_FOR_CARD = 560;

export const size = signal({ width: 0, height: 0, dpr: 1 });
export const FITTING: Viewport = { zoom: 0, row: 0, column: 0 };
export const viewport = signal<Viewport>(FITTING);

const measure = document.createElement('canvas').getContext('2d');

/** Text and width of every token's label. */
export const labels = computed(() => {
  if (measure) measure.font = `11px ${colours.value.mono}`;
  const texts = tokens.value.map((token) => visibleText(token.text));
  return { texts, widths: Float32Array.from(texts, (text) => measure?.measureText(text).width ?? 0) };
});

const n = computed(() => drawn.value?.matrix.n ?? 0);
const causal = computed(() => drawn.value?.causal ?? true);

interface Placed {
  input: HeatInput;
  layout: HeatLayout;
  /** The legend stands in the empty corner, else in a row of its own. */
  legendBeside: boolean;
  card: CardPlace;
  /** The next token, which does not fit into the readout, has a line under the map. */
  nextLine: boolean;
}

export const placed = computed<Placed | undefined>(() => {
  const { width, height, dpr } = size.value;
  if (n.value === 0 || width < 40 || height < 40) return undefined;
  const input = {
    width,
    height,
    dpr,
    n: n.value,
    causal: causal.value,
    labels: labels.value.widths,
    view: viewport.value,
    reserve: width >= ROOM_FOR_CARD ? 256 + 3 * HEAT_LEFT : HEAT_LEFT,
  };
  const place = (used: HeatInput, legendBeside: boolean): Placed => {
    const layout = layoutHeat(used);
    const card = placeCard(layout, used.labels, CARD_HEIGHTS);
    return { input: used, layout, legendBeside, card, nextLine: false };
  };
  const withLegend = (room: number): Placed => {
    const whole = place({ ...input, height: room }, true);
    return legendFits(whole.layout, input.labels, LEGEND_BESIDE.width, LEGEND_BESIDE.height)
      ? whole
      : place({ ...input, height: room - LEGEND_ROW }, false);
  };
  const first = withLegend(height);
  if (aside.value || first.card.sections === SECTION_ROWS.length) return first;
  const second = withLegend(height - NEXT_LINE);
  // a smaller map may leave room for the third section: two, or the line would come and go
  const sections = Math.min(second.card.sections, SECTION_ROWS.length - 1);
  return { ...second, card: { ...second.card, sections }, nextLine: true };
});
