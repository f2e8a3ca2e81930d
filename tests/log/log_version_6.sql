BEGIN TRANSACTION;
CREATE TABLE answers (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	at BIGINT, 
	call VARCHAR(16) NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "answers" VALUES(1,'261127-234633-0tjdh',1795823193058470,'create','{"id": "cgt-20261127234633-c9e720c9"}');
INSERT INTO "answers" VALUES(2,'261127-234633-0tjdh',1795823193151762,'get','{"id": "cgt-20261127234633-c9e720c9", "model": "seedance-1-5-pro-251215", "status": "running", "created_at": 1795823193, "updated_at": 1795823193, "service_tier": "default", "execution_expires_after": 174182}');
INSERT INTO "answers" VALUES(3,'261127-234633-0tjdh',1795823193252741,'get','{"id": "cgt-20261127234633-c9e720c9", "model": "seedance-1-5-pro-251215", "status": "succeeded", "created_at": 1795823193, "updated_at": 1795823193, "service_tier": "default", "execution_expires_after": 174182, "content": {"video_url": "http://simulator/files/cgt-20261127234633-c9e720c9/video.mp4?signature=365a473353af3521"}, "usage": {"completion_tokens": 23280, "total_tokens": 23280}, "seed": 11, "resolution": "480p", "ratio": "1:1", "duration": 4, "framespersecond": 24, "generate_audio": true, "draft": true}');
INSERT INTO "answers" VALUES(4,'261127-234633-6j82t',1795823193860219,'create','{"id": "cgt-20261127234633-79930e88"}');
INSERT INTO "answers" VALUES(5,'261127-234633-6j82t',1795823193957965,'get','{"id": "cgt-20261127234633-79930e88", "model": "seedance-1-0-pro-250528", "status": "running", "created_at": 1795823193, "updated_at": 1795823193, "service_tier": "default", "execution_expires_after": 196411}');
INSERT INTO "answers" VALUES(6,'261127-234633-6j82t',1795823194058475,'get','{"id": "cgt-20261127234633-79930e88", "model": "seedance-1-0-pro-250528", "status": "succeeded", "created_at": 1795823193, "updated_at": 1795823193, "service_tier": "default", "execution_expires_after": 196411, "content": {"video_url": "http://simulator/files/cgt-20261127234633-79930e88/video.mp4?signature=668773ab186a507e"}, "usage": {"completion_tokens": 11600, "total_tokens": 11600}, "seed": 1102493981, "resolution": "480p", "ratio": "1:1", "frames": 29, "framespersecond": 24}');
CREATE TABLE kernels (
	owner VARCHAR(32) NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	born_at FLOAT NOT NULL, 
	beat_at BIGINT, 
	version INTEGER, 
	PRIMARY KEY (owner)
);
CREATE TABLE looks (
	id INTEGER NOT NULL, 
	study VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	"by" TEXT, 
	seen INTEGER NOT NULL, 
	at BIGINT, 
	PRIMARY KEY (id)
);
CREATE TABLE meta (
	name VARCHAR(32) NOT NULL, 
	value TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('version','6');
CREATE TABLE metrics (
	"key" VARCHAR(32) NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	value FLOAT, 
	trouble TEXT, 
	version VARCHAR(64), 
	sha256 VARCHAR(64), 
	at BIGINT, 
	PRIMARY KEY ("key", name)
);
INSERT INTO "metrics" VALUES('261127-234633-0tjdh','clip_score',0.31,NULL,NULL,'a74b73e5f92c66c670223348dff9be31bbb693510c69a0558b9235fe4b0ea80b',1795823193631574);
CREATE TABLE studies (
	name VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	definition TEXT NOT NULL, 
	defined_at BIGINT, 
	revealed_at BIGINT, 
	PRIMARY KEY (name, simulated)
);
CREATE TABLE tags (
	"key" VARCHAR(32) NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key", name)
);
INSERT INTO "tags" VALUES('261127-234633-0tjdh','campaign','spring');
INSERT INTO "tags" VALUES('261127-234633-6j82t','campaign','autumn');
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
	reference_videos TEXT, 
	reference_audios TEXT, 
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
	batch TEXT, 
	batch_row VARCHAR(64), 
	trouble TEXT, 
	remark TEXT, 
	usd_per_million FLOAT, 
	reserved_usd FLOAT NOT NULL, 
	nonce INTEGER, 
	matched_by VARCHAR(16), 
	candidates TEXT, 
	owner VARCHAR(32), 
	chain VARCHAR(64), 
	resent_as VARCHAR(32), 
	study_seed BIGINT, 
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
INSERT INTO "tasks" VALUES('261127-234633-0tjdh','cgt-20261127234633-c9e720c9','succeeded','draft','text','seedance-1-5-pro-251215','a fox','480p','1:1',640,640,4,97,11,11,0,0,1,'default',NULL,NULL,NULL,NULL,NULL,23280,0.055872,23280,0.055872,'seedance-1-5-pro/default/audio@2026-06','saved','media/261127-234633-0tjdh/video.mp4',NULL,'a74b73e5f92c66c670223348dff9be31bbb693510c69a0558b9235fe4b0ea80b',NULL,NULL,1795823193000000,1795823193000000,1795823193629043,NULL,NULL,NULL,NULL,'accept',1,'media/261127-234633-0tjdh/poster.jpg',NULL,NULL,'first',NULL,NULL,NULL,NULL,2.4,0.0,1382,NULL,NULL,NULL,NULL,NULL,NULL,'seedance-1-5-pro-251215','{"model": "seedance-1-5-pro-251215", "content": [{"type": "text", "text": "a fox"}], "resolution": "480p", "ratio": "1:1", "duration": 4, "seed": 11, "generate_audio": true, "draft": true, "execution_expires_after": 174182}','63aedf3dd5fa189c88bf95389dfcae08','34b91a3234e947c1b916edd3987c0c33','http://simulator/files/cgt-20261127234633-c9e720c9/video.mp4?signature=365a473353af3521',NULL,1795823193047226,NULL,5);
INSERT INTO "tasks" VALUES('261127-234633-6j82t','cgt-20261127234633-79930e88','succeeded','standard','text','seedance-1-0-pro-250528','an owl','480p','1:1',640,640,NULL,29,1102493981,1102493981,0,0,0,'default',NULL,NULL,NULL,NULL,NULL,11600,0.029,11600,0.029,'seedance-1-0-pro/default@2026-06','saved','media/261127-234633-6j82t/video.mp4',NULL,'8957f24f0e9443e756e4c8a1cb0aa6dc28fb96577aa85e681e1f01cafd2f6058',NULL,NULL,1795823193000000,1795823193000000,1795823194121129,NULL,NULL,NULL,NULL,NULL,1,'media/261127-234633-6j82t/poster.jpg',NULL,NULL,NULL,'birds','cafbb25baa2ae983e00df7ff6281935dabf0804d-0',NULL,NULL,2.5,0.0,23611,NULL,NULL,NULL,NULL,NULL,NULL,'seedance-1-0-pro-250528','{"model": "seedance-1-0-pro-250528", "content": [{"type": "text", "text": "an owl"}], "resolution": "480p", "ratio": "1:1", "frames": 29, "seed": 1102493981, "execution_expires_after": 196411}','7cdb19fa6aa678dfde98037cd3fc8686','0dd2ac26d7aa40ceb6f30a3aadb39837','http://simulator/files/cgt-20261127234633-79930e88/video.mp4?signature=668773ab186a507e',NULL,1795823193854941,NULL,4);
CREATE TABLE verdicts (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	verdict VARCHAR(16), 
	at BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "verdicts" VALUES(1,'261127-234633-0tjdh','accept',1795823194124771);
CREATE TABLE votes (
	id INTEGER NOT NULL, 
	study VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	rater VARCHAR(128) NOT NULL, 
	trial VARCHAR(64) NOT NULL, 
	left_key VARCHAR(32) NOT NULL, 
	right_key VARCHAR(32) NOT NULL, 
	choice VARCHAR(16) NOT NULL, 
	criterion VARCHAR(64), 
	kind VARCHAR(16) NOT NULL, 
	seconds FLOAT, 
	sound BOOLEAN, 
	at BIGINT, 
	undone_at BIGINT, 
	PRIMARY KEY (id)
);
CREATE INDEX tasks_study ON tasks (study);
CREATE INDEX ix_tasks_status ON tasks (status);
CREATE INDEX ix_tasks_task_id ON tasks (task_id);
CREATE INDEX tasks_nonce ON tasks (wire_model, service_tier, nonce);
CREATE INDEX tasks_batch ON tasks (batch);
CREATE INDEX tasks_money ON tasks (simulated, usd, reserved_usd);
CREATE INDEX ix_answers_key ON answers ("key");
CREATE INDEX ix_verdicts_key ON verdicts ("key");
CREATE INDEX votes_of ON votes (study, simulated, rater);
COMMIT;
