package text

var pageTexts = map[string]pair{
	"col.severity":  {"Severity", "Mức độ"},
	"col.since":     {"Since", "Từ lúc"},
	"col.until":     {"Until", "Đến lúc"},
	"col.object":    {"Object", "Đối tượng"},
	"col.alarm":     {"Alarm", "Cảnh báo"},
	"col.ack":       {"Taken by", "Người nhận"},
	"col.revision":  {"Revision", "Phiên bản"},
	"col.when":      {"When", "Lúc"},
	"col.who":       {"Who", "Ai"},
	"col.comment":   {"Comment", "Ghi chú"},
	"col.user":      {"User", "Người dùng"},
	"col.role":      {"Role", "Vai trò"},
	"col.password":  {"Password", "Mật khẩu"},
	"col.keys":      {"Keys", "Khóa"},
	"col.last":      {"Last login", "Đăng nhập gần nhất"},
	"col.token":     {"API token", "Khóa API"},
	"col.by":        {"Made by", "Người tạo"},
	"col.expires":   {"Expires", "Hết hạn"},
	"col.used":      {"Last used", "Dùng gần nhất"},
	"col.interface": {"Interface", "Giao diện"},
	"col.in":        {"In", "Nhận"},
	"col.out":       {"Out", "Gửi"},
	"col.groups":    {"Group", "Nhóm"},

	"alarms.raised":       {"%s alarm is raised|%s alarms are raised", "%s cảnh báo đang có"},
	"alarms.past":         {"%s past alarm|%s past alarms", "%s cảnh báo đã qua"},
	"alarms.quiet":        {"Nothing is wrong.", "Mọi thứ bình thường."},
	"alarms.none":         {"there is no alarm here", "ở đây không có cảnh báo nào"},
	"alarms.acked":        {"%s has taken it already", "%s đã nhận xử lý"},
	"alarms.over":         {"it is over", "cảnh báo đã hết"},
	"alarms.none_unacked": {"all are acknowledged", "tất cả đã được xác nhận"},
	"alarms.ack_done":     {"%s alarm acknowledged.|%s alarms acknowledged.", "Đã xác nhận %s cảnh báo."},
	"alarms.since":        {"since %s", "từ %s"},
	"alarms.from_to":      {"from %s to %s", "từ %s đến %s"},
	"alarms.acked_at":     {"acknowledged by %s at %s", "%s đã xác nhận lúc %s"},
	"alarms.seen":         {"Seen", "Ghi nhận"},
	"alarms.cause":        {"Usual cause", "Nguyên nhân thường gặp"},
	"alarms.remedy":       {"What to do", "Cách xử lý"},

	"revisions.head":    {"Every committed configuration, newest first. Enter shows what each one changed.", "Mọi cấu hình đã lưu, mới nhất ở trên. Enter để xem từng phiên bản đã đổi gì."},
	"revisions.none":    {"there is no revision", "không có phiên bản nào"},
	"revisions.running": {"it is the one that runs", "phiên bản này đang chạy"},
	"revisions.runs":    {"running", "đang chạy"},
	"revisions.marked":  {"Revision %d is marked: choose another and press c to compare, Esc to take the mark away.", "Đã đánh dấu phiên bản %d: chọn phiên bản khác rồi bấm c để so sánh, Esc để bỏ dấu."},
	"revisions.diff":    {"From revision %d to %d", "Từ phiên bản %d đến %d"},
	"revisions.text":    {"Revision %d as text", "Phiên bản %d dạng văn bản"},
	"revisions.restore": {"Restore revision %d", "Khôi phục phiên bản %d"},

	"users.you":          {"You are %s (%s)", "Bạn là %s (%s)"},
	"users.own":          {"%s your password   %s your language: %s", "%s mật khẩu của bạn   %s ngôn ngữ của bạn: %s"},
	"users.admins":       {"Other users and API tokens are for admins.", "Người dùng khác và khóa API dành cho quản trị."},
	"users.count":        {"%s user|%s users", "%s người dùng"},
	"users.locked":       {"locked until %s", "bị khóa đến %s"},
	"users.pick":         {"choose a user first", "hãy chọn một người dùng trước"},
	"users.no_account":   {"who sits at the machine itself has no account: log in as a user", "người ngồi tại máy không có tài khoản: hãy đăng nhập bằng tên người dùng"},
	"users.no_keys":      {"this user has no SSH key", "người dùng này không có khóa SSH"},
	"users.not_locked":   {"this user is not locked", "người dùng này không bị khóa"},
	"users.self":         {"not for yourself: you could lock yourself out", "không làm với chính mình: bạn có thể mất quyền vào máy"},
	"users.unlocked":     {"%s may log in again.", "%s đã có thể đăng nhập lại."},
	"users.saved":        {"%s is saved.", "Đã lưu %s."},
	"users.deleted":      {"%s is deleted.", "Đã xóa %s."},
	"users.delete":       {"Delete the user %s?", "Xóa người dùng %s?"},
	"users.delete.what":  {"The user can no longer log in. What the user changed stays in the history.", "Người này không đăng nhập được nữa. Những thay đổi đã làm vẫn còn trong lịch sử."},
	"users.role_of":      {"What may %s do?", "%s được làm gì?"},
	"users.language_of":  {"Which language does %s read?", "%s dùng ngôn ngữ nào?"},
	"users.own_language": {"Which language do you read?", "Bạn dùng ngôn ngữ nào?"},
	"users.language_set": {"This is your language from now on.", "Từ nay đây là ngôn ngữ của bạn."},
	"users.which_key":    {"Remove which key?", "Gỡ khóa nào?"},
	"users.key_removed":  {"The key is removed.", "Đã gỡ khóa."},
	"users.key_added":    {"The key is added.", "Đã thêm khóa."},
	"users.key_for":      {"SSH key of %s", "Khóa SSH của %s"},
	"users.key_hint":     {"Paste one line of the file id_ed25519.pub on the user's own computer.", "Dán một dòng trong tệp id_ed25519.pub trên máy tính của người dùng."},
	"users.exists":       {"There is a user %s already.", "Đã có người dùng %s."},
	"users.new":          {"New user", "Người dùng mới"},
	"users.password_of":  {"Password of %s", "Mật khẩu của %s"},
	"users.password_set": {"The password of %s is changed.", "Đã đổi mật khẩu của %s."},

	"tokens.count":       {"%s API token|%s API tokens", "%s khóa API"},
	"tokens.none":        {"none; %s makes one for a program", "chưa có; bấm %s để tạo cho một chương trình"},
	"tokens.new":         {"New API token", "Khóa API mới"},
	"tokens.hint":        {"A program sends it in place of a password. It is shown once.", "Chương trình gửi khóa này thay cho mật khẩu. Khóa chỉ hiện một lần."},
	"tokens.secret":      {"Copy the token now; it is never shown again:", "Hãy chép khóa ngay; khóa sẽ không bao giờ hiện lại:"},
	"tokens.delete":      {"Delete the token %s?", "Xóa khóa API %s?"},
	"tokens.delete.what": {"The program that uses it is refused from now on.", "Chương trình dùng khóa này sẽ bị từ chối từ bây giờ."},
	"tokens.forever":     {"never", "không hết hạn"},
	"tokens.days":        {"%s day|%s days", "%s ngày"},

	"f.user":          {"Name", "Tên"},
	"f.user.help":     {"What the user types before @: 1 to 32 small letters, digits and . _ -, a letter first. Example: linh", "Tên gõ trước dấu @: 1 đến 32 chữ thường không dấu, số và . _ -, bắt đầu bằng chữ. Ví dụ: linh"},
	"f.role":          {"Role", "Vai trò"},
	"f.role.help":     {"viewer sees, operator changes channels, admin changes users and the box", "người xem chỉ xem, vận hành sửa kênh, quản trị sửa người dùng và máy"},
	"f.language":      {"Language", "Ngôn ngữ"},
	"f.language.help": {"of this console, for this user", "của bảng điều khiển, cho người dùng này"},
	"f.password":      {"Password", "Mật khẩu"},
	"f.password.help": {"At least 10 characters; long is better than odd. Example: four words that do not belong together", "Ít nhất 10 ký tự; dài tốt hơn lạ. Ví dụ: bốn từ không liên quan với nhau"},
	"f.again":         {"Password again", "Nhập lại mật khẩu"},
	"f.again.help":    {"the same once more, against slips", "gõ lại lần nữa để tránh nhầm"},
	"f.key":           {"Public key", "Khóa công khai"},
	"f.key.help":      {"Example: ssh-ed25519 AAAAC3Nz… linh@office", "Ví dụ: ssh-ed25519 AAAAC3Nz… linh@office"},
	"f.token":         {"Name", "Tên"},
	"f.token.help":    {"Which program uses it. Example: middleware", "Chương trình nào dùng. Ví dụ: middleware"},
	"f.ttl":           {"Expires after", "Hết hạn sau"},
	"f.ttl.help":      {"the program is refused after that", "sau đó chương trình bị từ chối"},
	"form.ok":         {"Do it", "Thực hiện"},
	"password.empty":  {"The password is empty.", "Mật khẩu còn trống."},
	"password.differ": {"The two passwords differ.", "Hai mật khẩu khác nhau."},

	"setup.title":      {"Welcome: create the first administrator", "Xin chào: tạo tài khoản quản trị đầu tiên"},
	"setup.hello":      {"Nobody can log in to this box yet. The one-time code was printed when the box started.", "Chưa ai đăng nhập được vào máy này. Mã dùng một lần đã được in ra khi máy khởi động."},
	"setup.keys":       {"Arrows or Enter move between fields; Enter on the button creates the account.", "Dùng mũi tên hoặc Enter để chuyển ô; Enter trên nút để tạo tài khoản."},
	"setup.create":     {"Create and go on", "Tạo và tiếp tục"},
	"setup.wrong_code": {"This is not the newest one-time code. “headend user code” on the box makes another.", "Đây không phải mã dùng một lần mới nhất. Lệnh “headend user code” trên máy sẽ tạo mã khác."},
	"setup.spent":      {"Too many wrong codes. Run “headend user code” on the box for a new one.", "Nhập sai mã quá nhiều lần. Hãy chạy “headend user code” trên máy để lấy mã mới."},
	"setup.no_code":    {"The one-time code is empty.", "Mã dùng một lần còn trống."},
	"setup.no_name":    {"The name is empty.", "Tên còn trống."},
	"f.code":           {"One-time code", "Mã dùng một lần"},
	"f.code.help":      {"as printed when the box started", "như đã in ra khi máy khởi động"},
	"f.admin":          {"Your name", "Tên của bạn"},
	"f.admin.help":     {"What you type before @ from now on: 1 to 32 small letters, digits and . _ -, a letter first. Example: linh", "Tên bạn gõ trước dấu @ từ nay: 1 đến 32 chữ thường không dấu, số và . _ -, bắt đầu bằng chữ. Ví dụ: linh"},

	"net.up":            {"UP", "HOẠT ĐỘNG"},
	"net.down":          {"DOWN", "TẮT"},
	"net.no_carrier":    {"NO LINK", "MẤT LINK"},
	"net.link":          {"Link", "Liên kết"},
	"net.link_is":       {"MAC %s, MTU %d, speed %s, multicast %s", "MAC %s, MTU %d, tốc độ %s, multicast %s"},
	"net.speed_unknown": {"unknown", "không rõ"},
	"net.addresses":     {"Addresses", "Địa chỉ"},
	"net.joined":        {"Joined groups", "Nhóm đã tham gia"},
	"net.dropped":       {"Dropped packets", "Gói bị rơi"},
	"net.dropped_is":    {"received %s, sent %s", "nhận %s, gửi %s"},

	"system.box":         {"Box", "Máy"},
	"system.box_is":      {"%s, version %s, Linux %s", "%s, phiên bản %s, Linux %s"},
	"system.uptime":      {"Runs for", "Đã chạy"},
	"system.uptime_is":   {"%s, daemon since %s", "%s, dịch vụ từ %s"},
	"system.cpu":         {"Processor", "Bộ xử lý"},
	"system.cpu_is":      {"%s of %d cores, load %s, daemon %s cores", "%s của %d nhân, tải %s, dịch vụ %s nhân"},
	"system.memory":      {"Memory", "Bộ nhớ"},
	"system.memory_is":   {"%s, daemon %s", "%s, dịch vụ %s"},
	"system.used":        {"%s of %s (%s)", "%s trên %s (%s)"},
	"system.disk":        {"Disk", "Ổ đĩa"},
	"system.temperature": {"Temperature", "Nhiệt độ"},
	"system.no_sensor":   {"no sensor", "không có cảm biến"},
	"system.wire":        {"Wire process", "Phát gói"},
	"system.log":         {"Log", "Nhật ký"},
	"system.events":      {"Events", "Sự kiện"},
	"wire.stopped":       {"not running: the daemon sends itself, with coarser timing", "không chạy: dịch vụ tự gửi, thời gian kém chính xác hơn"},
	"wire.real_time":     {"real-time", "thời gian thực"},
	"wire.not_real_time": {"NOT real-time", "KHÔNG thời gian thực"},
	"wire.runs":          {"running, %s, %s outputs, late p99 %s µs, p99.9 %s µs, %s restarts", "đang chạy, %s, %s đầu ra, trễ p99 %s µs, p99.9 %s µs, %s lần chạy lại"},

	"event.session_closed":     {"viewer", "người xem"},
	"event.config_committed":   {"configuration", "cấu hình"},
	"event.config_rolled_back": {"configuration taken back", "trả lại cấu hình"},
	"event.setup":              {"first operator", "tạo quản trị đầu tiên"},
	"event.setup_failed":       {"wrong setup code", "sai mã thiết lập"},
	"event.lock_not_stored":    {"lock not stored", "không lưu được khóa"},
	"event.input_selected":     {"input chosen", "chọn đầu vào"},
	"event.channel_restarted":  {"channel restarted", "khởi động lại kênh"},
	"event.token_created":      {"API token made", "tạo khóa API"},
	"event.token_deleted":      {"API token deleted", "xóa khóa API"},
	"event.user_added":         {"user added", "thêm người dùng"},
	"event.user_changed":       {"user changed", "sửa người dùng"},
	"event.user_deleted":       {"user deleted", "xóa người dùng"},
	"event.user_unlocked":      {"user unlocked", "mở khóa tài khoản"},
	"event.password_set":       {"password set", "đổi mật khẩu"},
	"event.key_added":          {"SSH key added", "thêm khóa SSH"},
	"event.key_deleted":        {"SSH key removed", "gỡ khóa SSH"},
	"event.alarm_acknowledged": {"alarm taken", "nhận cảnh báo"},
	"event.login":              {"login", "đăng nhập"},
	"event.login_failed":       {"login failed", "đăng nhập sai"},
	"event.user_locked":        {"user locked", "khóa tài khoản"},
	"event.input_switched":     {"input switched", "chuyển đầu vào"},
	"event.alarm_raised":       {"alarm", "cảnh báo"},
	"event.alarm_cleared":      {"alarm over", "hết cảnh báo"},

	"cli.setup":      {"Nobody can log in yet: connect with a terminal and create the first administrator.", "Chưa ai đăng nhập được: hãy kết nối bằng thiết bị đầu cuối và tạo tài khoản quản trị đầu tiên."},
	"cli.too_long":   {"The document is longer than %s.", "Tài liệu dài hơn %s."},
	"cli.locked":     {"locked until %s", "bị khóa đến %s"},
	"cli.code_local": {"Only an administrator on the machine itself may make a one-time code: run headend user code there.", "Chỉ quản trị viên trên chính máy này mới tạo được mã dùng một lần: hãy chạy headend user code tại đó."},
	"cli.same":       {"Nothing would change: revision %d runs on.", "Không có gì thay đổi: phiên bản %d vẫn đang chạy."},
	"cli.added":      {"%s is added, but opens nothing yet. Set a password (headend user password %s) or add a key (headend user key %s KEY).", "Đã thêm %s, nhưng chưa đăng nhập được. Hãy đặt mật khẩu (headend user password %s) hoặc thêm khóa (headend user key %s KHÓA)."},
	"cli.no_user":    {"There is no user %s: headend user list shows those that are.", "Không có người dùng %s: headend user list liệt kê những người đang có."},
	"cli.applied":    {"applied as text", "áp dụng từ văn bản"},
	"cli.help": {`Commands:
  channels                 state, bit rate and errors of every channel
  alarms                   raised alarms; exit status 1 while there are any
  status                   the box in four lines; exit status 1 while a major alarm is raised
  config export [--secrets]  the configuration as text; with passwords and keys only if asked for
  config check < FILE      what applying it would change; nothing moves
  config apply [WHY [NAME]] < FILE  apply it; NAME stands before errors
  config log               the revisions, newest first; * runs
  config diff A B          compare two revisions; exit status 1 when they differ
  config restore N [WHY]   put an earlier revision on air again
  user list                accounts, their keys and locks
  user add NAME ROLE       add an account: viewer, operator or admin
  user role NAME ROLE      change the role of an account
  user password NAME       set a password, read from the first line of the input
  user key NAME KEY        add an SSH public key
  user unlock NAME         let a locked account log in again
  user delete NAME         delete an account
  user code                a new one-time code for the first operator; on the machine alone
  events [N], log [N]      what happened; the newest lines of the log
Without a command, on a terminal: the console.
`, `Lệnh:
  channels                 trạng thái, tốc độ bit và lỗi của mọi kênh
  alarms                   cảnh báo đang có; mã thoát 1 khi còn cảnh báo
  status                   tóm tắt máy trong bốn dòng; mã thoát 1 khi có cảnh báo nặng
  config export [--secrets]  cấu hình dạng văn bản; chỉ kèm mật khẩu và khóa khi được yêu cầu
  config check < TỆP       xem trước thay đổi nếu áp dụng; không tác động gì
  config apply [LÝ DO [TÊN]] < TỆP  áp dụng; TÊN đứng trước các lỗi
  config log               các phiên bản cấu hình, mới nhất trước; * đang chạy
  config diff A B          so sánh hai phiên bản; mã thoát 1 khi khác nhau
  config restore N [LÝ DO] đưa một phiên bản cũ lên sóng trở lại
  user list                tài khoản, khóa SSH và trạng thái khóa
  user add TÊN VAI_TRÒ     thêm tài khoản: viewer, operator hoặc admin
  user role TÊN VAI_TRÒ    đổi vai trò của tài khoản
  user password TÊN        đặt mật khẩu, đọc từ dòng đầu của đầu vào
  user key TÊN KHÓA        thêm khóa công khai SSH
  user unlock TÊN          mở khóa tài khoản bị khóa
  user delete TÊN          xóa tài khoản
  user code                mã dùng một lần mới cho người vận hành đầu tiên; chỉ trên chính máy này
  events [N], log [N]      những gì đã xảy ra; các dòng nhật ký mới nhất
Không có lệnh, trên thiết bị đầu cuối: bảng điều khiển.
`},
}
