/** The paragraphs of docs/concepts.md, and of its translations: what every quantity is. An id is the anchor of a heading there. */
export const concepts = {
  'attention-pattern': 'Attention pattern',
  'value-weighted-pattern': 'Value-weighted pattern',
  'surprisal-and-predictions': 'Surprisal and predictions',
  'head-scores': 'Head scores',
  'induction-heads': 'Induction heads',
  'qk-circuit': 'QK circuit',
  'ov-circuit': 'OV circuit',
  'copying-score': 'Copying score',
  'matching-score': 'Matching score',
  'skip-trigrams': 'Skip-trigrams',
  bigrams: 'Bigrams',
  composition: 'Composition',
  'virtual-heads': 'Virtual heads',
  paths: 'Paths',
  'direct-logit-attribution': 'Direct logit attribution',
  'term-importance': 'Term importance',
  ablation: 'Ablation',
  'activation-patching': 'Activation patching',
  'logit-lens': 'Logit lens',
  'multi-layer-sae': 'Multi-layer SAE',
  fvu: 'FVU',
  'loss-delta': 'Loss delta',
  'layer-distribution': 'Layer distribution',
  'variance-ratios': 'Variance ratios',
  'adjacent-layer-similarity': 'Adjacent-layer similarity',
  'dead-latents': 'Dead latents',
  surprise: 'Surprise',
  'logit-effect': 'Logit effect',
  'nearest-latents': 'Nearest latents',
  'heads-of-a-latent': 'Heads of a latent',
  steering: 'Steering',
  'mlsae-training': 'MLSAE training',
  'toy-training': 'Toy training',
  'difference-of-two-checkpoints': 'Difference of two checkpoints',
  'stored-tensors': 'Stored tensors',
  'saved-results': 'Saved results',
} as const;

export type ConceptId = keyof typeof concepts;

/** Languages, as VS Code names them, into which the page is translated. Its headings are the same, as its anchors follow from them. */
export const CONCEPTS_LANGUAGES = ['zh-cn'];

/** The page's name in docs. @param language of VS Code */
export const conceptsPage = (language: string): string =>
  CONCEPTS_LANGUAGES.includes(language.toLowerCase()) ? `concepts.${language.toLowerCase()}.md` : 'concepts.md';
