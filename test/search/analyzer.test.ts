import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  analyseQuestion,
  finish,
  firstMatch,
  QUESTION_TERM,
  TERMS_PER_MESSAGE,
  TERMS_PER_QUESTION,
  termsOf,
} from '../../src/search/analyzer.ts';

const terms = (content: string) => termsOf({ role: 'user', content });
const asked = (question: string) => finish(analyseQuestion(question)).terms;

/** Whether a message with this content is a candidate for the question. */
const finds = (question: string, content: string) =>
  asked(question).some((term) => terms(content).includes(term));

describe('a question finds a message', () => {
  it.each([
    ['in another case', 'ÉCOLE', 'école'],
    ['without its accents', 'cafe naive', 'Café, naïve!'],
    ['with letters that Unicode does not take apart', 'Strasse', 'die Straße'],
    ['with full-width letters', 'abc', 'ＡＢＣ'],
    ['in another form of the word', 'running dogs', 'The dog runs.'],
    ['with an apostrophe of either kind', "Maria's", 'Maria’s'],
    ['by a name that has an s', 'Caroline', "Caroline's book"],
    ['inside a word of code', 'sessions', 'list_sessions()'],
    ['in another spelling of a name in code', 'listSessions', 'list_sessions()'],
    ['by a part of a word in camel case', 'server', 'HTTPServer'],
    ['by a word in camel case that is written in lower case', 'getuserbyid', 'getUserById'],
    ['by a number without its separators', '1250', '$1,250.00'],
    ['by a number with other separators', '1.250,00', '1 250 EUR'],
    ['by a telephone number without spaces', '+442079460991', '+44 20 7946 0991'],
    ['by the beginning of a commit', '9f8e7d6', '9f8e7d6c5b4a39281706f5e4d3c2b1a098765432'],
    ['behind an elided article', 'hôtel', "L'hôtel"],
    ['by a name with a prefix', 'Connor', 'O’Connor'],
    ['with its unseen hyphens', 'Rechtsschutz', 'Rechts\u00adschutz'],
    ['in German, in the spelling without umlauts', 'Mueller', 'Herr Müller'],
    ['in German, with umlauts', 'Müller', 'Mueller'],
    ['in German, by the last part of a compound', 'Vertrag', 'Der Mietvertrag ist da'],
    ['in German, by the first part of a compound', 'Datenbank', 'Die Datenbankmigration'],
    ['in German, by the infinitive', 'kündigen', 'Er hat gekündigt'],
    [
      'in Spanish, by a word that is another language’s pronoun',
      'mes',
      'Faltan dos meses para el viaje',
    ],
    ['in Spanish, by the singular', 'luz', 'Las luces de la casa'],
    ['in French, by the singular', 'cheval', 'Les chevaux sont là'],
    ['in Italian, by the singular', 'chiave', 'Le chiavi sono qui'],
    ['in Portuguese, by the plural', 'reuniões', 'A reunião foi boa'],
    ['in Russian, in another case', 'встреча', 'о встрече'],
    ['in Arabic, without the article', 'اجتماع', 'الاجتماع'],
    ['in Arabic, with a letter in another form', 'احمد', 'أحمد'],
    ['in Hebrew, without a prefix', 'פגישה', 'הפגישה'],
    ['in Korean, by a word of one syllable', '집', '집을'],
    ['in Chinese, by a part of a word', '猫', '一只猫咪'],
    ['in Japanese, with or without the ending of a verb', '締め切り', '締切'],
    ['by a number', '2026', 'in 2026-11-21'],
    ['in Chinese, by a part of a run', '大学', '我在北京大学读书'],
    ['in Chinese, by a word of one character', '猫', '我的猫'],
    ['in Japanese, by a part of a compound', 'データ', 'データベースの設計'],
    ['in Korean, without its particle', '학교', '학교에서 만나자'],
    ['in Thai', 'ภาษา', 'ภาษาไทย'],
    ['in Greek, in either sigma', 'ΣΟΦΟΣ', 'σοφός'],
    ['in Russian, without the dots', 'елка', 'ёлка'],
    ['in Arabic, without its points', 'كتاب', 'كِتَاب'],
    ['in Hebrew, without its points', 'שלום', 'שָׁלוֹם'],
    ['in two scripts at once', 'Tokyo', '東京Tokyo都'],
    ['by an emoji', '🦊', 'a fox 🦊!'],
    ['by an emoji in another skin', '👍', '👍🏽'],
    ['by its question mark, if it is nothing else', '?', 'Really？'],
  ])('%s', (_how, question, content) => {
    expect(finds(question, content)).toBe(true);
  });

  it.each([
    ['another word', 'cat', 'category'],
    ['a word split in two', 'together', 'to get her'],
    ['a letter with another base', 'o', 'ö and p'.replace('ö', 'q')],
  ])('but not %s', (_what, question, content) => {
    expect(finds(question, content)).toBe(false);
  });
});

describe('words that say nothing', () => {
  it('are left out of an English question', () => {
    expect(asked('When did Caroline go to the group?')).toStrictEqual(terms('Caroline go group'));
  });

  it('are all that is looked for when there is nothing else', () => {
    expect(asked('who are you')).toStrictEqual(terms('who are you'));
  });

  it.each([
    ['German', 'was war an Bord', 'was'],
    ['Norwegian', 'hvilken by bor du i', 'by'],
    ['French', 'le thé', 'the'],
    ['Spanish', 'no me gusta', 'no'],
  ])('are kept in a question that is not English: %s', (_language, question, word) => {
    expect(asked(question)).toContain(terms(word)[0]);
  });

  it('are found in messages', () => {
    expect(terms('to be or not to be')).toContain('be');
  });
});

describe('what a message is found by', () => {
  it('has who said it, if that is a name', () => {
    expect(termsOf({ role: 'Caroline', content: 'hi' })).toStrictEqual(terms('Caroline hi'));
    expect(termsOf({ role: 'Assistant', content: 'hi' })).toStrictEqual(['hi']);
  });

  it('tells whether it asks', () => {
    expect(terms('Is it?')).toContain(QUESTION_TERM);
    expect(terms('"Is it?"')).toContain(QUESTION_TERM);
    expect(terms('本当？')).toContain(QUESTION_TERM);
    expect(terms('Is it? It is.')).not.toContain(QUESTION_TERM);
  });

  it('has a term at most four times, and at most so many different ones', () => {
    expect(terms('no '.repeat(100))).toStrictEqual(['no', 'no', 'no', 'no']);
    const many = Array.from({ length: 5000 }, (_, i) => `w${i}`).join(' ');
    expect(new Set(terms(many)).size).toBe(TERMS_PER_MESSAGE);
  });

  it('cuts what is data, not language', () => {
    for (const content of ['x'.repeat(10_000), '𝒳'.repeat(10_000), '漢'.repeat(10_000)]) {
      for (const term of terms(content)) {
        expect(term.length).toBeLessThanOrEqual(64);
        expect(term.isWellFormed()).toBe(true);
      }
    }
  });
});

describe('a question', () => {
  it.each(['', ' ', '""', '*', 'AND OR NOT'.replaceAll(/\w/g, '-'), '(((', '\\', '\u200d', ';--'])(
    'of nothing but %j looks for nothing',
    (question) => {
      expect(finish(analyseQuestion(question))).toStrictEqual({ terms: [], omitted: 0 });
    },
  );

  it('looks for so many terms, and tells of the others', () => {
    const words = Array.from({ length: 40 }, (_, i) => `w${i}`);
    const { terms: kept, omitted } = finish(analyseQuestion(words.join(' ')));
    expect(kept).toStrictEqual(words.slice(0, TERMS_PER_QUESTION));
    expect(omitted).toBe(40 - TERMS_PER_QUESTION);
  });

  it('finds a message of the same words, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const found = terms(text);
        const wanted = asked(text);
        expect(wanted.some((term) => found.includes(term))).toBe(wanted.length > 0);
        for (const term of found) {
          // The index of the embedded store takes other characters for spaces.
          expect(term).toMatch(/^[a-z\d:?\u0080-\u{10ffff}]+$/iu);
          expect(term).not.toMatch(/\s/);
          expect(term.isWellFormed()).toBe(text.isWellFormed() || term.isWellFormed());
        }
      }),
    );
  });

  it('keeps what it is about, behind however many polite words', () => {
    const polite =
      'お忙しいところ大変恐れ入りますが、以前お話しいただいた件について少し教えていただきたいのですが';
    expect(asked(`${polite}、サーバーの再起動はいつですか`)).toEqual(
      expect.arrayContaining(['サー', '再起', '起動']),
    );
    expect(asked('你好，麻烦帮我查一下我们之前说过的预算到底是多少')).toContain('预算');
  });

  it('tells the order of the parts of a word', () => {
    const matches = (question: string, content: string) =>
      asked(question).filter((term) => terms(content).includes(term)).length;
    for (const [question, other] of [
      ['2.14.0', 'v2.0.14'],
      ['10.40.30.20', '10.20.30.40'],
      ['2026-04-03', '2026-03-04'],
      ['PAY-4711', 'pay 17, not 4711'],
    ] as const) {
      expect(matches(question, question)).toBeGreaterThan(matches(question, other));
      expect(matches(question, `版本号${question}了`)).toBe(matches(question, question));
    }
  });

  it('matches where its first word stands', () => {
    expect(finish(firstMatch(`${'x '.repeat(500)}Foxes run`, asked('fox')))).toBe(1000);
    expect(finish(firstMatch('nothing here', asked('fox')))).toBe(0);
  });
});
