/**
 * The models of a host: found, fetched, checked, opened once and shared by everyone who asks.
 *
 * Knows where an artefact lies and in which order it is loaded; bytes come from a `ModelFiles`,
 * vectors from an `Engine`.
 */

import type { Precision, Progress } from "../types.js";
import { ModelFailure, type OpenedModel, type OpenModel, type RunModel } from "./bridge.js";
import { type ArtefactCard, CARD, DEFAULT_PRECISION, FILES } from "./card.js";
import type { Engine, Network } from "./engine.js";
import { type ModelFiles, shown } from "./files.js";
import { libraryTokenizer } from "./library_tokenizer.js";
import { isPlace } from "./place.js";
import { SharedWork } from "./shared_work.js";

/** What models are made of on a host. */
export interface ModelsParts {
  /** The folder of models: `<models>/<model>/<precision>/edgelet.json`. */
  readonly models: URL;
  readonly files: ModelFiles;
  /** Makes the engine when the first model is opened; may throw `ModelFailure`. */
  readonly makeEngine: () => Engine;
  readonly precision?: Precision | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

interface Loaded {
  readonly opened: OpenedModel;
  readonly network: Network;
  readonly where: string;
}

/** Answers the effects that concern models. */
export class Models {
  readonly #parts: ModelsParts;
  readonly #loading = new Map<string, SharedWork<Loaded>>();
  readonly #loaded = new Map<number, Loaded>();
  #engine: Engine | undefined;
  #handles = 0;
  #disposed = false;

  constructor(parts: ModelsParts) {
    this.#parts = parts;
  }

  /**
   * Open a model once, however many ask for it at once. Who stops waiting does not stop the work
   * for the others; a failure is not remembered. Throws `ModelFailure`, or the signal's reason.
   */
  async open(effect: OpenModel, signal: AbortSignal): Promise<OpenedModel> {
    signal.throwIfAborted();
    this.#mustBeInUse();
    const loading = this.#work(effect, (work) => work.useless);
    return (await loading.join(signal)).opened;
  }

  /** Begin to open a model that is about to be asked for; who asks hears if that fails. */
  async foresee(effect: OpenModel, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#disposed) return;
    await this.#work(effect, (work) => work.failed).support(signal);
  }

  /** Run one batch. Throws `ModelFailure`, or the signal's reason while it waits for its turn. */
  async run(effect: RunModel, signal: AbortSignal): Promise<Float32Array> {
    return this.#opened(effect.handle).network.run(effect, signal);
  }

  /** The host's tokenizer for a model. */
  async encoder(handle: number): Promise<(text: string) => Int32Array> {
    const { opened, where } = this.#opened(handle);
    return libraryTokenizer(opened.tokenizerJson, where);
  }

  /** Close all models and give their memory back; what is being loaded is given up. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    const works = [...this.#loading.values()];
    this.#loading.clear();
    this.#loaded.clear();
    const ended = await Promise.all(works.map((work) => work.end(disposedOf())));
    await Promise.all(ended.map((loaded) => loaded?.network.dispose()));
  }

  /** The work of opening a model: the present one, or a new one where that is `over`. */
  #work(
    { model, precision }: OpenModel,
    over: (work: SharedWork<Loaded>) => boolean,
  ): SharedWork<Loaded> {
    const asked = precision ?? this.#parts.precision ?? DEFAULT_PRECISION;
    const key = `${asked} ${model}`;
    const present = this.#loading.get(key);
    if (present !== undefined && !over(present)) return present;
    const work = new SharedWork((signal) => this.#load(model, asked, signal));
    this.#loading.set(key, work);
    return work;
  }

  async #load(model: string, precision: Precision, signal: AbortSignal): Promise<Loaded> {
    const { files } = this.#parts;
    const engine = (this.#engine ??= this.#parts.makeEngine());
    engine.prepare();
    const folder = this.#folder(model, precision);
    const where = shown(folder);
    const card = await this.#card(folder, model, precision, signal);
    const { graph, weights, tokenizer } = await this.#files(folder, card, signal);
    const [network] = await Promise.all([
      engine.open({ where, card, graph, weights }),
      files.settled(),
    ]);
    if (signal.aborted) {
      await network.dispose();
      throw signal.reason;
    }
    const handle = ++this.#handles;
    const opened = { handle, card: card.facts, tokenizerJson: tokenizer };
    const loaded = { opened, network, where };
    this.#loaded.set(handle, loaded);
    return loaded;
  }

  /** Where a model's artefact lies. A name means a folder below `models`, a path means itself. */
  #folder(model: string, precision: Precision): URL {
    if (isPlace(model)) return this.#parts.files.locate(model);
    try {
      const name = encodeURIComponent(model.replaceAll("/", "--"));
      return new URL(`${name}/${precision}/`, this.#parts.models);
    } catch {
      throw new ModelFailure(`${JSON.stringify(model)} is no name of a model`);
    }
  }

  async #card(
    folder: URL,
    model: string,
    precision: Precision,
    signal: AbortSignal,
  ): Promise<ArtefactCard> {
    const card = await this.#parts.files.card(fileIn(folder, CARD), signal);
    if (card === undefined) throw notFound(folder, model, precision);
    if (card.facts.precision !== precision) {
      throw new ModelFailure(
        `the model in ${shown(folder)} is ${card.facts.precision}, but ${precision} was asked ` +
          `for; ask for ${card.facts.precision}, or export ${precision} as well`,
      );
    }
    if (!isPlace(model) && lastPart(card.facts.model) !== lastPart(model)) {
      throw new ModelFailure(
        `${shown(folder)} holds ${card.facts.model}, not ${model}; export ${model} there`,
      );
    }
    return card;
  }

  /** All files at once. When one fails, the others are given up. */
  async #files(
    folder: URL,
    card: ArtefactCard,
    signal: AbortSignal,
  ): Promise<Record<keyof typeof FILES, Uint8Array<ArrayBuffer>>> {
    const others = new AbortController();
    const both = AbortSignal.any([signal, others.signal]);
    const load = async (use: keyof typeof FILES): Promise<Uint8Array<ArrayBuffer>> => {
      const name = FILES[use];
      const facts = card.files[use];
      const file = `${card.facts.model}/${card.facts.precision}/${name}`;
      const { onProgress } = this.#parts;
      const heard = (loaded: number, cached: boolean): void =>
        onProgress?.({ file, loaded, total: facts.size, cached });
      return this.#parts.files.file(fileIn(folder, name), facts, heard, both);
    };
    try {
      const [graph, weights, tokenizer] = await Promise.all([
        load("graph"),
        load("weights"),
        load("tokenizer"),
      ]);
      return { graph, weights, tokenizer };
    } catch (error) {
      others.abort(error);
      throw error;
    }
  }

  #opened(handle: number): Loaded {
    this.#mustBeInUse();
    const loaded = this.#loaded.get(handle);
    if (loaded === undefined) throw new ModelFailure(`no model has the handle ${handle}`);
    return loaded;
  }

  #mustBeInUse(): void {
    if (this.#disposed) throw disposedOf();
  }
}

/** `e5-small-v2` of `intfloat/e5-small-v2@main`: short names and hub ids of one model share it. */
function lastPart(model: string): string {
  const [name = ""] = model.split("@", 1);
  return name.slice(name.lastIndexOf("/") + 1);
}

/** A file of a folder, with what the folder's URL says after its path. */
function fileIn(folder: URL, name: string): URL {
  const url = new URL(name, folder);
  url.search = folder.search;
  return url;
}

function notFound(folder: URL, model: string, precision: Precision): ModelFailure {
  const hint = isPlace(model)
    ? `give a folder that "edgelet models export" wrote`
    : `run "edgelet models export ${model} DIRECTORY --precision ${precision}" and put what it ` +
      `wrote there`;
  return new ModelFailure(`there is no model ${model} in ${shown(folder)}: ${hint}`);
}

function disposedOf(): ModelFailure {
  return new ModelFailure("the runtime was disposed of; make a new one");
}
