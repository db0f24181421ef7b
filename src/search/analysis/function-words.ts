/**
 * Words of Japanese, Chinese and Thai that say nothing about a subject: a question is asked without
 * them. Segments may be several of them in a row.
 */
const JAPANESE = `の は が を に で と も へ や か ね よ な ば ぞ さ し せ た だ て て い る れ ら り け ん から まで より
  だけ ほど など しか では には とは って ので のに けど けれど けれども しかし そして それで また では じゃ です ます ました
  ません でした でしょう ましょう まし まして ませ である だった なら たら する します した して しまった しまい され させ
  られ れる られる せる なる なり なった いる います いた いて いただ いただき いただけ いただく ください 下さい くだ くれ
  もらえ もらい ある あり あります あった あって ない なく なかっ なかった たい たく こと もの とき ところ ため よう そう
  はず わけ これ それ あれ どれ この その あの どの ここ そこ あそこ どこ だれ 誰 何 なに なん いつ なぜ どう どうして いくら
  いくつ どちら すみません すいません すみ ません お ご 御 申し訳 恐れ入り お願い 願い 教え 教えて 知り 知って 聞き 聞いて
  伺い ちょっと 少し 先ほど とても もう まだ 私 僕 あなた 一つ ひとつ`;

const CHINESE = `我 你 您 他 她 它 我们 你们 他们 她们 咱们 大家 自己 的 地 得 了 着 过 吗 呢 吧 啊 呀 嘛 哦 是 在 有 没 没有 不 也 都
  还 就 才 又 再 很 太 更 最 和 与 及 跟 同 对 把 被 给 让 向 从 到 于 以 为 因为 所以 但 但是 而 而且 或 或者 如果 要是 虽然 然后
  这 那 哪 这个 那个 哪个 这些 那些 哪些 这里 那里 哪里 这样 那样 怎么 怎样 怎么样 什么 谁 几 多少 什么时候 为什么 到底 究竟
  请 请问 问 想 要 想要 需要 可以 能 能够 会 应该 可能 知道 记 记得 告诉 觉得 认为 说 说过 讨论 讨论过 之前 以前 刚才 现在
  一下 一个 一 个 些 一些 件 只 不好意思 打扰 麻烦 谢谢 你好 您好 帮 帮忙 关于 事 事情 里 上 下 来 去 下来 起来 出来 时候
  我們 你們 他們 這 這個 那個 這些 嗎 還 沒有 沒 過 著 個 對 為 從 會 應該 請 請問 什麼 怎麼 怎樣 為什麼 誰 幾 記得 討論 謝謝`;

const THAI = `ที่ ของ และ ใน เป็น ได้ ให้ ว่า มี จะ ไม่ ก็ กับ แต่ หรือ จาก โดย ไป มา แล้ว อยู่ คือ นี้ นั้น อะไร ไหน เมื่อไหร่ เมื่อไร ทำไม
  อย่างไร ยังไง ใคร เท่าไหร่ เท่าไร กี่ ครับ ค่ะ คะ นะ ช่วย ขอ หน่อย ฉัน ผม คุณ เรา เขา มัน ต้อง ควร เคย ถาม บอก`;

/** The most function words in a row that a segment is made of. */
const MAX_WORDS = 4;

/** A check whether a segment is made of words of the lists. */
function matcher(...lists: string[]): (segment: string) => boolean {
  const words = new Set(lists.flatMap((list) => list.split(/\s+/)));
  const longest = Math.max(...[...words].map((word) => word.length));
  const isMade = (segment: string, most: number): boolean => {
    if (words.has(segment)) return true;
    if (most === 1 || segment.length > most * longest) return false;
    for (let end = Math.min(longest, segment.length - 1); end > 0; end--) {
      if (words.has(segment.slice(0, end)) && isMade(segment.slice(end), most - 1)) return true;
    }
    return false;
  };
  return (segment) => isMade(segment, MAX_WORDS);
}

/** For texts with kana, which Japanese has. Chinese function words are parts of Japanese words. */
export const isJapaneseFunctionWord = matcher(JAPANESE);

export const isFunctionWord = matcher(CHINESE, THAI);
