BEGIN TRANSACTION;
CREATE TABLE answers (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	at BIGINT, 
	call VARCHAR(16) NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE meta (
	name VARCHAR(32) NOT NULL, 
	value TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('version','1');
CREATE TABLE tasks (
	"key" VARCHAR(32) NOT NULL, 
	task_id VARCHAR(128), 
	status VARCHAR(16) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	mode VARCHAR(24), 
	model VARCHAR(64), 
	prompt TEXT, 
	resolution VARCHAR(16), 
	ratio VARCHAR(16), 
	width INTEGER, 
	height INTEGER, 
	duration INTEGER, 
	frames INTEGER, 
	seed BIGINT, 
	requested_seed BIGINT, 
	camera_fixed BOOLEAN, 
	watermark BOOLEAN, 
	generate_audio BOOLEAN, 
	service_tier VARCHAR(16), 
	first_frame TEXT, 
	last_frame TEXT, 
	reference_images TEXT, 
	tokens BIGINT, 
	usd FLOAT, 
	est_tokens BIGINT, 
	est_usd FLOAT, 
	price_id TEXT, 
	file VARCHAR(16) NOT NULL, 
	video_path TEXT, 
	last_frame_path TEXT, 
	sha256 VARCHAR(64), 
	error_code TEXT, 
	error_message TEXT, 
	created_at BIGINT, 
	finished_at BIGINT, 
	saved_at BIGINT, 
	parent_key VARCHAR(32), 
	study TEXT, 
	arm TEXT, 
	item TEXT, 
	verdict TEXT, 
	simulated BOOLEAN NOT NULL, 
	poster_path TEXT, 
	preview_path TEXT, 
	error_param TEXT, 
	note TEXT, 
	usd_per_million FLOAT, 
	reserved_usd FLOAT NOT NULL, 
	nonce INTEGER, 
	wire_model TEXT, 
	body TEXT, 
	request_id TEXT, 
	client_request_id TEXT, 
	video_url TEXT, 
	last_frame_url TEXT, 
	intent_at BIGINT, 
	sent_at BIGINT, 
	revision INTEGER NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "tasks" VALUES('261122-123651-rs6x3','cgt-20261122123651-80622414','succeeded','standard','text','seedance-1-0-pro-fast-251015','a fox','480p','1:1',640,640,2,49,7,7,0,0,0,'default',NULL,NULL,NULL,19600,0.0196,19600,0.0196,'seedance-1-0-pro-fast/default@2026-06','saved','media/261122-123651-rs6x3/video.mp4',NULL,'72758927933eccea2d50239c0e3d26621c955a97b4069a747e6e515492451a23',NULL,NULL,1795351011000000,1795351011000000,1795351015440951,NULL,NULL,NULL,NULL,NULL,1,'media/261122-123651-rs6x3/poster.jpg',NULL,NULL,NULL,1.0,0.0,14047,'seedance-1-0-pro-fast-251015','{"model": "seedance-1-0-pro-fast-251015", "content": [{"type": "text", "text": "a fox"}], "resolution": "480p", "ratio": "1:1", "duration": 2, "seed": 7, "execution_expires_after": 186847}','8cf1526bc57e214cbc598039cbbab011','19e74c2856ee4c6cbf51ddba3a47d964','http://simulator/files/cgt-20261122123651-80622414/video.mp4?signature=59aa4fc1d3b9a323',NULL,1795351011413174,NULL,3);
CREATE INDEX ix_tasks_status ON tasks (status);
CREATE INDEX ix_tasks_task_id ON tasks (task_id);
CREATE INDEX tasks_money ON tasks (simulated, usd, reserved_usd);
CREATE INDEX tasks_nonce ON tasks (wire_model, service_tier, nonce);
CREATE INDEX ix_answers_key ON answers ("key");
COMMIT;
