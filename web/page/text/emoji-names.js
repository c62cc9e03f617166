/** Each line: an emoji, and the names by which it is found, without colons. */
const NAMES = `
👍 thumbs_up +1 yes
👎 thumbs_down -1 no
❤️ heart love
🎉 tada party
😂 joy laughing
😄 smile happy
😀 grin
🙂 slight_smile
😊 blush
😉 wink
😍 heart_eyes
🥰 adore
😘 kiss
😎 cool sunglasses
🤔 thinking hmm
🤨 raised_eyebrow
😐 neutral
😮 open_mouth wow
😱 scream
😢 cry sad
😭 sob
😅 sweat_smile
🤣 rofl
🙃 upside_down
😴 sleeping
🥱 yawn
😬 grimace
🙄 eye_roll
😇 innocent
🤯 mind_blown exploding_head
🥳 party_face
🤗 hug
🤫 shush
😡 angry
😤 huff
🤒 sick
🤕 hurt
🤝 handshake deal
🙏 pray thanks please
👏 clap applause
🙌 raised_hands hooray
👋 wave hello
👌 ok_hand
✌️ victory peace
🤞 fingers_crossed luck
💪 muscle strong
👀 eyes look
🧠 brain
🤷 shrug
🤦 facepalm
🙋 raising_hand
👉 point_right
👈 point_left
👆 point_up
👇 point_down
✅ check done
❌ cross no_entry_sign
✔️ tick
❓ question
❗ exclamation
⚠️ warning
🚫 forbidden
💯 hundred 100
🔥 fire hot
✨ sparkles
⭐ star
🌟 glowing_star
💡 idea bulb
💥 boom
⚡ zap lightning
🚀 rocket ship_it
🐛 bug
🐞 ladybird
🔧 wrench fix
🔨 hammer
⚙️ gear
🧪 test_tube test
🔍 magnifier search
🔒 lock
🔓 unlock
🔑 key
📌 pin
📎 paperclip
📝 memo note
📅 calendar
⏰ alarm
⏳ hourglass
📈 chart_up
📉 chart_down
📦 package
📣 megaphone
🔔 bell
🔕 no_bell
💬 speech
📞 phone
💻 laptop
🖥️ desktop
📷 camera
🎧 headphones
🎵 music
🎂 cake birthday
🍕 pizza
🍔 burger
🍎 apple
🍌 banana
🍓 strawberry
🥑 avocado
🍪 cookie
🍺 beer
🍻 cheers
🍷 wine
☕ coffee
🍵 tea
🥂 clink
☀️ sun
🌧️ rain
⛅ cloud
❄️ snow
🌈 rainbow
🌊 ocean
🌍 earth
🌱 seedling
🌲 tree
🌸 blossom
🌹 rose
🐶 dog
🐱 cat
🐭 mouse
🐻 bear
🦊 fox
🐼 panda
🐸 frog
🐧 penguin
🐙 octopus
🦄 unicorn
🐢 turtle
🐝 bee
🦋 butterfly
🎁 gift present
🎈 balloon
🏆 trophy
🥇 gold first
⚽ football soccer
🏀 basketball
🚲 bike
🚗 car
🚆 train
✈️ plane
🏠 house home
🏢 office
🏖️ beach holiday
💰 money
💎 gem
💔 broken_heart
🧡 orange_heart
💛 yellow_heart
💚 green_heart
💙 blue_heart
💜 purple_heart
🖤 black_heart
👻 ghost
💀 skull
🤖 robot
🎃 pumpkin
🎄 christmas_tree
🇪🇺 eu
🏳️‍🌈 pride
`;

/** Emoji by name, each name once. @type {readonly {name: string, emoji: string}[]} */
export const EMOJI = NAMES.trim()
  .split("\n")
  .flatMap((line) => {
    const [emoji = "", ...names] = line.split(" ");
    return names.map((name) => ({ name, emoji }));
  });

/** Return the emoji of a name, which may stand between colons; any other text as it is. @param {string} typed */
export function emojiOf(typed) {
  const sought = typed.replace(/^:(.+):$/u, "$1").toLowerCase();
  return EMOJI.find(({ name }) => name === sought)?.emoji ?? typed;
}
