/** Gives the fake VS Code a language before the host asks for it. */
import table from '../../l10n/bundle.l10n.zh-cn.json';
import { l10n } from './fakeVscode';

l10n.bundle = table as Record<string, string>;
