/* env.h - where the user's and the machine's files about registries lie: what the environment says, asked once. */
#pragma once

struct reg_answers;

struct reg_env {	   /* owned; NULL: not set, or set to nothing */
	char *root;	   /* put before /etc and /run; "" but in tests */
	char *home;	   /* $HOME, else what the user database says; NULL: there is none */
	char *config_home; /* $XDG_CONFIG_HOME, else HOME/.config */
	char *auth_run;	   /* $XDG_RUNTIME_DIR/containers/auth.json, else /run/containers/UID/auth.json */
	char *auth_file;   /* $REGISTRY_AUTH_FILE */
	char *docker;	   /* $DOCKER_CONFIG, else HOME/.docker: the directory of config.json */
	char *registries;  /* $CONTAINERS_REGISTRIES_CONF */
	struct reg_answers *answers; /* what credential helpers have said so far: each is asked once for a registry (answers.h) */
};
void reg_env_read(struct reg_env *ret);
void reg_env_done(struct reg_env *e);

#define auto_reg_env __attribute__((cleanup(reg_env_done)))
